// overlay_panels.cpp: the two panels of the overlay: what the tiers do, and every knob.
#include "tools/view/window/overlay_parts.hpp"

#include "tools/base/units.h"

#include <algorithm>
#include <cfloat>
#include <cstdio>
#include <string>

using namespace overlay_parts;

namespace
{

const ImU32 TRACK = IM_COL32(30, 40, 52, 255);
const float PANEL = 304; // points wide
const ImVec2 MAP(156, 156);
const float BESIDE = 176; // from where on there are words beside a map
const float LABELS = 146; // of which names of settings take

/* ---- pieces ---- */

std::string bytes_text(uint64_t bytes)
{
    char text[UNITS_TEXT];
    return units_format_bytes(bytes, text);
}

// A share of a bar, in a colour.
struct Part {
    double share;
    ImVec4 colour;
};

// A bar of parts one after the other, with words above it.
void bar(const char *name, const std::string &words, const Part *parts, int count)
{
    ImGui::TextUnformatted(name);
    ImGui::SameLine(px(76));
    ImGui::TextColored(DIM, "%s", words.c_str());
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = px(6);
    ImDrawList *list = ImGui::GetWindowDrawList();
    list->AddRectFilled(at, ImVec2(at.x + width, at.y + height), TRACK);
    float from = 0;
    for (int i = 0; i < count; i++) {
        const float to = std::min(from + float(parts[i].share) * width, width);
        list->AddRectFilled(ImVec2(at.x + from, at.y), ImVec2(at.x + to, at.y + height),
                            ImGui::GetColorU32(parts[i].colour));
        from = to;
    }
    ImGui::Dummy(ImVec2(width, height + px(2)));
}

void plot(const overlay_content &c, history_series series, const char *name, const char *format,
          float least_top)
{
    const history &h = *c.past;
    const float most = std::max(history_most(&h, series), least_top);
    char words[64];
    (void)std::snprintf(words, sizeof words, format, double(history_last(&h, series)),
                        double(history_most(&h, series)));
    const int oldest = int(h.frames % HISTORY_FRAMES);
    ImGui::PlotLines("##plot", h.values[series], HISTORY_FRAMES,
                     h.frames < HISTORY_FRAMES ? 0 : oldest, nullptr, 0, most * 1.1f,
                     ImVec2(ImGui::GetContentRegionAvail().x, px(30)));
    const ImVec2 at = ImGui::GetItemRectMin();
    ImDrawList *list = ImGui::GetWindowDrawList();
    list->AddText(ImVec2(at.x + px(4), at.y + px(1)), ImGui::GetColorU32(DIM), name);
    const float right = ImGui::GetItemRectMax().x - ImGui::CalcTextSize(words).x - px(4);
    list->AddText(ImVec2(right, at.y + px(1)), ImGui::GetColorU32(TEXT), words);
}

// A map that fits into a box of points.
void picture(const maps_picture &map, ImVec2 box, const char *name)
{
    if (map.texture == 0) {
        ImGui::Dummy(ImVec2(px(box.x), px(box.y)));
        return;
    }
    const float high = float(map.height), wide = float(map.width);
    const float zoom = std::min(px(box.x) / wide, px(box.y) / high);
    ImGui::Image(reinterpret_cast<ImTextureID>(uintptr_t(map.texture)),
                 ImVec2(wide * zoom, high * zoom));
    note(name);
}

// The way a map is coloured, one choice below the other.
void choose_colour(const char *id, bool *by_age)
{
    const std::string name = id;
    ImGui::PushID(id);
    if (ImGui::RadioButton("by order", !*by_age)) {
        *by_age = false;
    }
    note((name + ".by_order").c_str());
    if (ImGui::RadioButton("by age", *by_age)) {
        *by_age = true;
    }
    note((name + ".by_age").c_str());
    ImGui::PopID();
}

/* ---- the tiers ---- */

void draw_plots(const overlay_content &c)
{
    if (!ImGui::CollapsingHeader("Frames", ImGuiTreeNodeFlags_DefaultOpen)) {
        return;
    }
    plot(c, HISTORY_FRAME_MS, "frame", "%.1f ms, at most %.1f", 5);
    plot(c, HISTORY_UPLOADS, "pages uploaded", "%.0f, at most %.0f", 8);
    plot(c, HISTORY_READS, "KiB read", "%.0f, at most %.0f", 64);
    plot(c, HISTORY_BIAS, "mip bias", "%.2f, at most %.2f", 1);
    plot(c, HISTORY_WANTED, "pixels at the wanted mip", "%.1f %%", 100);
}

void draw_queue(const vt_stats &s)
{
    char words[96];
    (void)std::snprintf(words, sizeof words, "read %u, unpack %u, fade %u", s.fetch_pending,
                        s.decode_pending, s.fading);
    const Part parts[] = {{s.fetch_pending / 128.0, GOOD}, {s.decode_pending / 128.0, WASTE}};
    bar("pending", words, parts, 2);
}

void draw_disk(const overlay_content &c, overlay_deeds &deeds)
{
    if (!ImGui::CollapsingHeader("Disk", ImGuiTreeNodeFlags_DefaultOpen)) {
        return;
    }
    const vt_stats &s = *c.stats;
    ImGui::TextColored(DIM, "read %s, %llu pages", bytes_text(s.bytes.disk_read).c_str(),
                       static_cast<unsigned long long>(s.pages.read));
    ImGui::SameLine(px(PANEL - 66));
    deeds.flush_disk |= button("Forget", "flush.disk");
    tip("Asks the system to drop what it has cached of the page file, so that reads reach the "
        "disk.");
    const ImVec2 strip(ImGui::GetContentRegionAvail().x, px(40));
    ImGui::Image(reinterpret_cast<ImTextureID>(uintptr_t(c.disk.texture)), strip);
    note("map.disk");
    tip("The page file from its first byte to its last, row by row: blue was read, orange just "
        "now.");
    draw_queue(s);
}

void draw_ram(const overlay_content &c, overlay_state &state, overlay_deeds &deeds)
{
    if (!ImGui::CollapsingHeader("RAM, a buddy heap", ImGuiTreeNodeFlags_DefaultOpen)) {
        return;
    }
    const auto &r = c.stats->ram;
    const double budget = double(std::max<uint64_t>(r.budget_bytes, 1));
    const double waste = double(r.used_bytes) - double(std::min(r.payload_bytes, r.used_bytes));
    const Part parts[] = {{double(r.payload_bytes) / budget, GOOD}, {waste / budget, WASTE}};
    bar("memory", bytes_text(r.used_bytes) + " of " + bytes_text(r.budget_bytes), parts, 2);
    tip("Blue: pages as they are stored. Orange: rounding, the allocator's metadata, indices and "
        "buffers.");
    picture(c.ram, MAP, "map.ram");
    tip("The arena along the Morton curve: a block of the buddy is a square, or two. White: in "
        "hand.");
    ImGui::SameLine(px(BESIDE));
    ImGui::BeginGroup();
    ImGui::TextColored(DIM, "%u pages", r.pages);
    ImGui::TextColored(DIM, "%.0f %% found here",
                       100 * double(r.hits) / double(std::max<uint64_t>(r.hits + r.misses, 1)));
    ImGui::TextColored(DIM, "fragmented %.2f", r.fragmentation);
    choose_colour("ram", &state.maps.ram_by_age);
    deeds.flush_ram |= button("Flush##ram", "flush.ram");
    ImGui::EndGroup();
}

void draw_vram(const overlay_content &c, overlay_state &state, overlay_deeds &deeds)
{
    if (!ImGui::CollapsingHeader("Video memory, a buddy atlas", ImGuiTreeNodeFlags_DefaultOpen)) {
        return;
    }
    const vt_stats &s = *c.stats;
    const auto &v = s.vram;
    const double slots = double(std::max(v.slots, 1u));
    const uint32_t wanted = std::min(v.slots_wanted, v.slots_used);
    const Part parts[] = {{wanted / slots, v.slots_wanted > v.slots ? BAD : GOOD},
                          {(v.slots_used - wanted) / slots, WASTE}};
    char words[96];
    (void)std::snprintf(words, sizeof words, "%u wanted, %u used of %u", v.slots_wanted,
                        v.slots_used, v.slots);
    bar("slots", words, parts, 2);
    tip("Blue: pages that the frame wants. Orange: pages kept in case they are wanted again.");
    picture(c.atlas, MAP, "map.atlas");
    tip("The atlas itself. Lines: clusters of siblings that lie together. Light frames: never "
        "evicted.");
    ImGui::SameLine(px(BESIDE));
    ImGui::BeginGroup();
    ImGui::TextColored(DIM, "%s", bytes_text(v.used_bytes).c_str());
    ImGui::TextColored(DIM, "of %s", bytes_text(v.budget_bytes).c_str());
    ImGui::TextColored(DIM, "fragmented %.2f", v.fragmentation);
    choose_colour("atlas", &state.maps.atlas_by_age);
    deeds.flush_atlas |= button("Flush##atlas", "flush.atlas");
    ImGui::EndGroup();
}

/* ---- settings ---- */

bool size_slider(const conf_key &key, uint64_t *bytes)
{
    const float mib = 1 << 20;
    float value = float(double(*bytes) / mib);
    const float least = float(double(key.slider_least) / mib),
                most = float(double(key.slider_most) / mib);
    const float shown_least = std::max(least, 1.0f / 16);
    const bool changed = ImGui::SliderFloat(
        "##value", &value, shown_least, most, value < 10 ? "%.2f MiB" : "%.0f MiB",
        ImGuiSliderFlags_Logarithmic | ImGuiSliderFlags_NoInput);
    if (changed) { // whole pages: a slider need not be finer
        *bytes = uint64_t(std::max(double(value) * 16, 1.0)) << 16;
    }
    return changed;
}

bool count_slider(const conf_key &key, uint32_t *count)
{
    int value = int(*count);
    const bool changed = ImGui::SliderInt("##value", &value, int(key.slider_least),
                                          int(key.slider_most), "%d", ImGuiSliderFlags_NoInput);
    *count = uint32_t(std::max(value, 0));
    return changed;
}

bool real_slider(const conf_key &key, double *number)
{
    float value = float(*number);
    const bool changed =
        ImGui::SliderFloat("##value", &value, float(key.slider_least), float(key.slider_most),
                           key.slider_most > 100 ? "%.0f" : "%.2f", ImGuiSliderFlags_NoInput);
    if (changed) {
        *number = double(value);
    }
    return changed;
}

bool choice_box(const conf_key &key, int *value)
{
    bool changed = false;
    if (!ImGui::BeginCombo("##value", choice_text(key.choices, *value))) {
        return false;
    }
    for (const choice *c = key.choices; c->text != nullptr; c++) {
        if (ImGui::Selectable(c->text, c->value == *value)) {
            *value = c->value;
            changed = true;
        }
        note((std::string(key.group) + "." + key.name + "=" + c->text).c_str());
    }
    ImGui::EndCombo();
    return changed;
}

void draw_knob(const conf_key &key, void *value)
{
    switch (key.type) {
    case CONF_SIZE:
        (void)size_slider(key, static_cast<uint64_t *>(value));
        break;
    case CONF_COUNT:
        (void)count_slider(key, static_cast<uint32_t *>(value));
        break;
    case CONF_REAL:
        (void)real_slider(key, static_cast<double *>(value));
        break;
    case CONF_BOOL:
        (void)ImGui::Checkbox("##value", static_cast<bool *>(value));
        break;
    case CONF_CHOICE:
        (void)choice_box(key, static_cast<int *>(value));
        break;
    case CONF_TEXT:
        break;
    }
}

bool has_knob(const conf_key &key)
{
    return key.type == CONF_BOOL || key.type == CONF_CHOICE ||
           (key.type != CONF_TEXT && key.slider_most > 0);
}

// Costly settings are taken when the hand lets go of the slider.
void draw_settings(overlay_state &state)
{
    state.settled = true;
    if (!ImGui::CollapsingHeader("Settings", ImGuiTreeNodeFlags_DefaultOpen)) {
        return;
    }
    for (uint32_t i = 0; i < conf_key_count(); i++) {
        const conf_key &key = *conf_get_key(i);
        if (!has_knob(key)) {
            continue;
        }
        const std::string name = std::string(key.group) + "." + key.name;
        ImGui::PushID(name.c_str());
        ImGui::AlignTextToFramePadding();
        ImGui::TextColored(TEXT, "%s", name.c_str());
        tip(key.meaning);
        ImGui::SameLine(px(LABELS));
        ImGui::SetNextItemWidth(-FLT_MIN);
        draw_knob(key, conf_value(&state.settings, &key));
        note(name.c_str());
        state.settled = state.settled && !(key.reopens && ImGui::IsItemActive());
        tip(key.meaning);
        ImGui::PopID();
    }
}

/* ---- deeds ---- */

void draw_views(overlay_state &state)
{
    ImGui::SetNextItemWidth(-FLT_MIN);
    int view = int(state.view);
    static const char *const NAMES = "1 final picture\0"
                                     "2 mips: wanted beside got\0"
                                     "3 borders of pages and clusters\0"
                                     "4 age of pages\0"
                                     "5 heat: missing mips\0"
                                     "6 wireframe\0";
    (void)ImGui::Combo("##view", &view, NAMES);
    note("view");
    state.view = views_kind(view);
}

void toggle(const char *label, const char *name, bool *on)
{
    (void)ImGui::Checkbox(label, on);
    note(name);
}

void draw_deeds(overlay_state &state, overlay_deeds &deeds)
{
    if (!ImGui::CollapsingHeader("Try", ImGuiTreeNodeFlags_DefaultOpen)) {
        return;
    }
    draw_views(state);
    toggle("freeze", "freeze", &state.frozen);
    tip("Nothing is asked for, uploaded or evicted: fly on and look at what is there.");
    ImGui::SameLine(px(LABELS));
    bool slow = state.settings.disk.delay_ms > 0 || state.settings.disk.rate > 0;
    if (ImGui::Checkbox("slow disk", &slow)) {
        state.settings.disk.delay_ms = slow ? 10 : 0;
        state.settings.disk.rate = slow ? UINT64_C(20) << 20 : 0;
    }
    note("slow_disk");
    tip("20 MiB a second and 10 ms a read, as a tired hard disk has; the two sliders above say it "
        "finer.");
    toggle("tour", "tour", &state.touring);
    ImGui::SameLine(px(LABELS));
    toggle("loop it", "loop", &state.looping);
    toggle("record", "record", &state.recording);
    ImGui::SameLine(px(LABELS));
    deeds.cut |= button("Teleport", "teleport");
    deeds.write_settings |= button("Write settings", "write_settings");
    ImGui::SameLine(px(LABELS));
    deeds.take_picture |= button("Picture", "picture");
}

void draw_log(const overlay_content &c)
{
    if (!ImGui::CollapsingHeader("Log")) {
        note("log");
        return;
    }
    note("log");
    const journal &log = *c.log;
    if (log.count == 0) {
        ImGui::TextColored(DIM, "nothing went wrong");
    }
    if (log.dropped > 0) {
        ImGui::TextColored(DIM, "%llu more came too fast to show",
                           static_cast<unsigned long long>(log.dropped));
    }
    ImGui::PushTextWrapPos(0);
    for (uint32_t i = 0; i < 12; i++) {
        const journal_line *line = journal_get(&log, i);
        if (line == nullptr) {
            break;
        }
        ImGui::TextColored(DIM, "%.0f s ago%s", c.now - line->at,
                           line->times > 1 ? (", " + std::to_string(line->times) + " times").c_str()
                                           : "");
        ImGui::TextUnformatted(line->text);
    }
    ImGui::PopTextWrapPos();
}

/* ---- the panels ---- */

void draw_place(const overlay_content &c)
{
    ImGui::TextColored(DIM, "%s, %s", c.world, c.scene);
    ImGui::TextColored(DIM, "at %.1f %.1f %.1f, %.1f units/s", c.x, c.y, c.z, c.speed);
    ImGui::TextColored(DIM, "%u patches, %s", c.patches, c.renderer);
}

} // namespace

overlay_deeds overlay_parts::draw_panels(const overlay_content &c, overlay_state &state)
{
    overlay_deeds deeds = {};
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    const float edge = px(8), most = size.y - 2 * edge;
    const bool two = size.x >= px(2 * PANEL + 120); // else one below the other
    begin_panel("tiers", ImVec2(edge, edge), ImVec2(0, 0), px(PANEL), most);
    draw_plots(c);
    draw_disk(c, deeds);
    draw_ram(c, state, deeds);
    draw_vram(c, state, deeds);
    if (two) {
        ImGui::End();
        begin_panel("knobs", ImVec2(size.x - edge, edge), ImVec2(1, 0), px(PANEL), most);
    }
    draw_settings(state);
    draw_deeds(state, deeds);
    draw_log(c);
    draw_place(c);
    ImGui::End();
    return deeds;
}
