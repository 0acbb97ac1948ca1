// overlay.cpp: see overlay.h. Nothing is kept here but what ImGui keeps and where controls lie.
#include "tools/view/window/overlay_parts.hpp"

#include "shaders/views.h"

#include <imgui/backends/imgui_impl_glfw.h>
#include <imgui/backends/imgui_impl_opengl3.h>
#include <imgui/imgui.h>

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace overlay_parts;

namespace
{

bool created;
float scale = 1; // pixels a point
std::string layout_file, layout_new;

// Where panels lie, of the last frame: ImGui itself knows only what the mouse was over then.
struct Rectangle {
    ImVec2 from, to;
};
std::vector<Rectangle> panels;

} // namespace

namespace overlay_parts
{

float px(float points)
{
    return points * scale;
}

void note(const char *name)
{
    if (layout_file.empty() || ImGui::IsWindowAppearing()) {
        return; // a panel that fits its contents finds its place a frame later
    }
    const ImVec2 at = ImGui::GetItemRectMin(), to = ImGui::GetItemRectMax();
    char line[160];
    (void)std::snprintf(line, sizeof line, "%s %d %d %d %d\n", name, int(at.x), int(at.y),
                        int(to.x - at.x), int(to.y - at.y));
    layout_new += line;
}

void begin_panel(const char *name, ImVec2 at, ImVec2 pivot, float width, float most_height)
{
    ImGui::SetNextWindowPos(at, ImGuiCond_Always, pivot);
    ImGui::SetNextWindowSizeConstraints(ImVec2(width, 0),
                                        ImVec2(width > 0 ? width : FLT_MAX, most_height));
    ImGui::Begin(name, nullptr,
                 ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize |
                     ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoMove |
                     ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoSavedSettings |
                     ImGuiWindowFlags_NoFocusOnAppearing | ImGuiWindowFlags_NoNav);
    const ImVec2 from = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
    panels.push_back({from, ImVec2(from.x + size.x, from.y + size.y)});
}

bool button(const char *label, const char *name)
{
    const bool pressed = ImGui::Button(label);
    note(name);
    return pressed;
}

void tip(const char *text)
{
    if (ImGui::IsItemHovered()) {
        ImGui::BeginTooltip();
        ImGui::PushTextWrapPos(px(260));
        ImGui::TextUnformatted(text);
        ImGui::PopTextWrapPos();
        ImGui::EndTooltip();
    }
}

} // namespace overlay_parts

namespace
{

void write_standing(FILE *out, const overlay_content &content, const overlay_state &state)
{
    const struct {
        const char *name;
        unsigned long long value;
    } lines[] = {
        {"frame", static_cast<unsigned>(ImGui::GetFrameCount())},
        {"settled", content.settled},
        {"message", content.message[0] != '\0'},
        {"reading", content.stats->fetch_pending},
        {"log", content.log->count},
        {"worlds", content.worlds},
        {"view", state.view + 1u},
        {"terrain", std::strcmp(content.scene, "terrain") == 0},
        {"panel", content.panel},
        {"help", content.help},
        {"pick", content.pick->open},
        {"touring", state.touring},
        {"looping", state.looping},
        {"recording", state.recording},
        {"frozen", state.frozen},
    };
    for (const auto &line : lines) {
        (void)std::fprintf(out, "%s %llu\n", line.name, line.value);
    }
    (void)std::fprintf(out, "says %s\n", content.message);
}

void write_layout(const overlay_content &content, const overlay_state &state)
{
    const std::string part = layout_file + ".part";
    (void)std::remove(part.c_str()); // made anew: never through a link
    FILE *out = layout_file.empty() ? nullptr : std::fopen(part.c_str(), "wxe");
    if (out != nullptr) {
        write_standing(out, content, state);
        (void)std::fputs(layout_new.c_str(), out);
        (void)std::fclose(out);
        (void)std::rename(part.c_str(), layout_file.c_str());
    }
    layout_new.clear();
}

/* ---- why is this pixel blurry? ---- */

void draw_mark(const overlay_pick &p)
{
    ImDrawList *list = ImGui::GetForegroundDrawList();
    const ImVec2 at{float(p.x), float(p.y)};
    list->AddCircle(at, px(7), IM_COL32(0, 0, 0, 255), 0, px(3));
    list->AddCircle(at, px(7), IM_COL32(255, 255, 255, 255), 0, px(1.5f));
}

void describe(const overlay_pick &p)
{
    const vt_why &why = p.why;
    const vt_page &w = why.wanted;
    const uint32_t lacks = why.shown_mip > w.mip ? why.shown_mip - w.mip : 0;
    ImGui::TextColored(DIM, "wants");
    ImGui::SameLine(px(56));
    ImGui::Text("mip %u, page %u %u (detail %.2f)", w.mip, w.x, w.y, double(p.seen.pixel.lod));
    ImGui::TextColored(DIM, "shows");
    ImGui::SameLine(px(56));
    ImGui::Text("mip %u, %s, from slot %u %u", why.shown_mip,
                lacks == 0
                    ? "sharp"
                    : (std::to_string(1u << std::min(lacks, 30u)) + " times coarser").c_str(),
                p.seen.slot_x, p.seen.slot_y);
    ImGui::TextColored(DIM, "state");
    ImGui::SameLine(px(56));
    ImGui::Text("%s%s", why.in_ram ? "in RAM" : "not in RAM", lacks == 0 ? ", in the atlas" : "");
    if (why.reason == VT_QUEUED || why.reason == VT_UNPACKING || why.reason == VT_WAITING ||
        why.reason == VT_NO_SLOT) {
        ImGui::TextColored(DIM, "queue");
        ImGui::SameLine(px(56));
        ImGui::Text("%u before it, wanted for %u images", why.ahead, why.waited);
    }
    ImGui::PushTextWrapPos(px(356));
    ImGui::TextColored(why.reason == VT_SHARP ? TEXT : ImVec4(1, 0.8f, 0.5f, 1), "%s",
                       vt_reason_text(why.reason));
    ImGui::PopTextWrapPos();
}

void draw_pick(const overlay_pick &p, overlay_state &state)
{
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    const bool right = p.x > double(size.x) * 0.55, low = p.y > double(size.y) * 0.6;
    draw_mark(p);
    begin_panel("pixel", ImVec2(float(p.x) + px(right ? -16 : 16), float(p.y) + px(low ? -10 : 10)),
                ImVec2(right ? 1 : 0, low ? 1 : 0), px(380), size.y);
    ImGui::TextUnformatted("Why is this pixel blurry?");
    ImGui::SameLine(px(346));
    if (ImGui::SmallButton("x")) {
        state.pick_open = false;
    }
    note("pick.close");
    if (p.textured) {
        describe(p);
    } else {
        ImGui::TextColored(DIM, "no ground is there");
    }
    ImGui::End();
}

/* ---- words ---- */

void draw_help()
{
    static const char *const LINES[][2] = {
        {"hold a mouse button", "look around (a picture: drag it)"},
        {"click", "why is this pixel blurry?"},
        {"wheel", "speed (a picture: zoom)"},
        {"W A S D, arrows", "forward, left, back, right"},
        {"E or space, Q or ctrl", "up, down"},
        {"shift", "faster"},
        {"", ""},
        {"1 2 3 4 5 6", "final, mips, borders, age, heat, wireframe"},
        {"V", "terrain or picture"},
        {"Tab", "the tiers and the settings"},
        {"", ""},
        {"T", "fly the tour, or the path recorded last"},
        {"L", "fly it once, or again and again"},
        {"R", "begin and end recording a path"},
        {"J", "jump somewhere else"},
        {"F", "freeze streaming"},
        {"", ""},
        {"P, shift P", "save a picture to this folder; with all this"},
        {"F5", "write the settings to this folder"},
        {"F11", "full screen"},
        {"F1", "this help"},
        {"Esc", "quit"},
    };
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    begin_panel("help", ImVec2(size.x / 2, size.y / 2), ImVec2(0.5f, 0.5f), 0, size.y);
    for (const auto &line : LINES) {
        if (line[0][0] == '\0') {
            ImGui::Spacing();
            continue;
        }
        ImGui::TextUnformatted(line[0]);
        ImGui::SameLine(px(190));
        ImGui::TextColored(DIM, "%s", line[1]);
    }
    ImGui::End();
    note("help");
}

void draw_message(const char *message)
{
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    begin_panel("message", ImVec2(size.x / 2, size.y - px(20)), ImVec2(0.5f, 1), 0, size.y);
    ImGui::PushTextWrapPos(std::max(size.x - px(60), px(120)));
    ImGui::TextUnformatted(message);
    ImGui::PopTextWrapPos();
    ImGui::End();
}

// What the colours of a view mean, at the foot of the picture.
void draw_legend(views_kind view)
{
    static const ImVec4 TINTS[VIEW_TINTS] = {{VIEW_TINT_0, 1}, {VIEW_TINT_1, 1}, {VIEW_TINT_2, 1},
                                             {VIEW_TINT_3, 1}, {VIEW_TINT_4, 1}, {VIEW_TINT_5, 1},
                                             {VIEW_TINT_6, 1}, {VIEW_TINT_7, 1}};
    static const char *const HEAT[] = {"sharp", "fades in", "1 mip", "2", "3 and more are missing"};
    static const ImVec4 HEATS[] = {{0.45f, 0.5f, 0.55f, 1},
                                   {0.35f, 0.62f, 0.78f, 1},
                                   {VIEW_LACKS_1, 1},
                                   {VIEW_LACKS_2, 1},
                                   {VIEW_LACKS_3, 1}};
    static const char *const AGES[] = {"just came", "some seconds ago", "half a minute", "pinned"};
    static const ImVec4 OLD[] = {{1, 0.95f, 0.75f, 1},
                                 {0.95f, 0.28f, 0.1f, 1},
                                 {0.13f, 0.18f, 0.42f, 1},
                                 {0.58f, 0.58f, 0.58f, 1}};
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    begin_panel("legend", ImVec2(size.x / 2, px(8)), ImVec2(0.5f, 0), 0, size.y);
    const auto entry = [](const ImVec4 &colour, const char *text) {
        ImGui::ColorButton("##colour", colour,
                           ImGuiColorEditFlags_NoTooltip | ImGuiColorEditFlags_NoDragDrop,
                           ImVec2(px(12), px(12)));
        ImGui::SameLine(0, px(4));
        ImGui::TextUnformatted(text);
        ImGui::SameLine(0, px(10));
    };
    if (view == VIEWS_MIPS) {
        ImGui::TextUnformatted("left: wanted, right: got");
        ImGui::SameLine(0, px(12));
        for (int i = 0; i < VIEW_TINTS; i++) {
            entry(TINTS[i], std::to_string(i).c_str());
        }
        ImGui::TextColored(DIM, "and again");
    } else if (view == VIEWS_BORDERS) {
        ImGui::TextUnformatted("thin: pages; thick: siblings together:");
        ImGui::SameLine(0, px(12));
        entry(TINTS[2], "2x2");
        entry(TINTS[3], "4x4");
        entry(TINTS[4], "8x8");
        ImGui::NewLine();
    } else if (view == VIEWS_HEAT) {
        for (int i = 0; i < 5; i++) {
            entry(HEATS[i], HEAT[i]);
        }
        ImGui::NewLine();
    } else if (view == VIEWS_AGE) {
        for (int i = 0; i < 4; i++) {
            entry(OLD[i], AGES[i]);
        }
        ImGui::NewLine();
    } else {
        ImGui::TextUnformatted("the mesh of the ground");
    }
    ImGui::End();
}

/* ---- style ---- */

void set_style()
{
    ImGuiStyle style;
    ImGui::StyleColorsDark(&style);
    style.WindowRounding = 5;
    style.FrameRounding = 3;
    style.WindowBorderSize = 0;
    style.WindowPadding = ImVec2(10, 8);
    style.FramePadding = ImVec2(5, 2);
    style.ItemSpacing = ImVec2(6, 4);
    style.ScrollbarSize = 9;
    style.GrabMinSize = 8;
    style.AntiAliasedLinesUseTex = false;
    style.Colors[ImGuiCol_Text] = TEXT;
    style.Colors[ImGuiCol_WindowBg] = ImVec4(0.04f, 0.06f, 0.09f, 1.0f);
    style.Colors[ImGuiCol_PopupBg] = ImVec4(0.06f, 0.09f, 0.13f, 1.0f);
    style.Colors[ImGuiCol_FrameBg] = ImVec4(0.11f, 0.15f, 0.20f, 1.0f);
    style.Colors[ImGuiCol_FrameBgHovered] = ImVec4(0.15f, 0.21f, 0.28f, 1.0f);
    style.Colors[ImGuiCol_FrameBgActive] = ImVec4(0.18f, 0.26f, 0.36f, 1.0f);
    style.Colors[ImGuiCol_Header] = ImVec4(0.09f, 0.13f, 0.18f, 1.0f);
    style.Colors[ImGuiCol_HeaderHovered] = ImVec4(0.13f, 0.19f, 0.27f, 1.0f);
    style.Colors[ImGuiCol_Button] = ImVec4(0.15f, 0.24f, 0.34f, 1.0f);
    style.Colors[ImGuiCol_PlotLines] = ImVec4(0.42f, 0.70f, 0.90f, 1.0f);
    style.ScaleAllSizes(scale);
    ImGui::GetStyle() = style;
}

// Screens of many pixels get larger letters: whole multiples of the font's size stay crisp.
void set_scale(GLFWwindow *window, float asked)
{
    float x = asked, y;
    if (asked <= 0) {
        glfwGetWindowContentScale(window, &x, &y);
        x = std::round(x * 2) / 2;
    }
    scale = std::clamp(x, 0.5f, 4.0f);
    ImFontConfig config;
    config.SizePixels = std::round(13 * scale);
    ImGui::GetIO().Fonts->AddFontDefault(&config);
}

} // namespace

bool overlay_create(GLFWwindow *window, float asked)
{
    IMGUI_CHECKVERSION();
    ImGui::CreateContext();
    ImGui::GetIO().IniFilename = nullptr; // no file beside the user's own
    set_scale(window, asked);
    set_style();
    if (const char *file = secure_getenv("MEGABUDDY_LAYOUT")) {
        layout_file = file;
    }
    if (!ImGui_ImplGlfw_InitForOpenGL(window, true)) {
        ImGui::DestroyContext();
        return false;
    }
    if (!ImGui_ImplOpenGL3_Init("#version 450 core")) {
        ImGui_ImplGlfw_Shutdown();
        ImGui::DestroyContext();
        return false;
    }
    created = true;
    return true;
}

void overlay_destroy(void)
{
    if (created) {
        ImGui_ImplOpenGL3_Shutdown();
        ImGui_ImplGlfw_Shutdown();
        ImGui::DestroyContext();
        created = false;
    }
}

overlay_deeds overlay_draw(const overlay_content *content, overlay_state *state)
{
    overlay_deeds deeds = {};
    if (!created) {
        return deeds;
    }
    ImGui_ImplOpenGL3_NewFrame();
    ImGui_ImplGlfw_NewFrame();
    ImGui::NewFrame();
    panels.clear();
    state->settled = true;
    state->pick_open = content->pick->open;
    if (content->panel) {
        deeds = draw_panels(*content, *state);
    }
    if (state->view != VIEWS_FINAL) {
        draw_legend(state->view);
    }
    if (content->pick->open) {
        draw_pick(*content->pick, *state);
    }
    if (content->help) {
        draw_help();
    }
    if (content->message[0] != '\0') {
        draw_message(content->message);
    }
    ImGui::Render();
    ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
    write_layout(*content, *state);
    return deeds;
}

uint32_t overlay_hides(overlay_rectangle out[], uint32_t room)
{
    const float corner = created ? std::ceil(ImGui::GetStyle().WindowRounding) : 0;
    uint32_t count = 0;
    for (const Rectangle &r : panels) { // but for their round corners
        const float width = r.to.x - r.from.x - 2 * corner, height = r.to.y - r.from.y - 2 * corner;
        if (count < room && width > 0 && height > 0) {
            out[count++] = {r.from.x + corner, r.from.y + corner, width, height};
        }
    }
    return count;
}

bool overlay_wants_mouse(double x, double y)
{
    if (!created || ImGui::GetIO().WantCaptureMouse) { // a list that hangs open, too
        return created;
    }
    return std::any_of(panels.begin(), panels.end(), [x, y](const Rectangle &r) {
        return x >= double(r.from.x) && x < double(r.to.x) && y >= double(r.from.y) &&
               y < double(r.to.y);
    });
}

bool overlay_wants_keys(void)
{
    return created && ImGui::GetIO().WantTextInput;
}
