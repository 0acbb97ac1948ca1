// overlay.cpp: the only C++ of the program: Dear ImGui speaks nothing else.
#include "tools/view/window/overlay.h"

#include <imgui/backends/imgui_impl_glfw.h>
#include <imgui/backends/imgui_impl_opengl3.h>
#include <imgui/imgui.h>

#include <algorithm>
#include <cstdio>

namespace
{

bool created = false;

const ImVec4 DIM(0.62f, 0.68f, 0.74f, 1.0f);
const ImVec4 BAR_GOOD(0.25f, 0.52f, 0.78f, 1.0f);
const ImVec4 BAR_FULL(0.86f, 0.58f, 0.22f, 1.0f);

constexpr double MIB = 1024.0 * 1024.0;
constexpr int PANEL_FLAGS = ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_AlwaysAutoResize |
                            ImGuiWindowFlags_NoFocusOnAppearing | ImGuiWindowFlags_NoNav |
                            ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings;

void begin_panel(const char *name, float x, float y, float pivot_x, float pivot_y)
{
    ImGui::SetNextWindowPos(ImVec2(x, y), ImGuiCond_Always, ImVec2(pivot_x, pivot_y));
    ImGui::SetNextWindowBgAlpha(0.72f);
    ImGui::Begin(name, nullptr, PANEL_FLAGS);
}

// The times of the last frames, oldest first; returns how many.
int unroll(const overlay_content &c, float *out)
{
    const uint32_t count = std::min<uint32_t>(c.frame_count, OVERLAY_FRAMES);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = c.frame_ms[(c.frame_count - count + i) % OVERLAY_FRAMES];
    }
    return int(count);
}

void draw_frame_times(const overlay_content &c)
{
    float times[OVERLAY_FRAMES], sorted[OVERLAY_FRAMES];
    const int count = unroll(c, times);
    if (count == 0) {
        return;
    }
    std::copy(times, times + count, sorted);
    std::sort(sorted, sorted + count);
    const float p50 = sorted[(count - 1) / 2], p99 = sorted[(count - 1) * 99 / 100];
    ImGui::Text("frame %6.1f ms median  %6.1f ms p99", double(p50), double(p99));
    ImGui::PushStyleColor(ImGuiCol_PlotLines, BAR_GOOD);
    ImGui::PlotLines("##frames", times, count, 0, nullptr, 0.0f, std::max(2.0f * p50, p99),
                     ImVec2(330, 44));
    ImGui::PopStyleColor();
}

// A tier's fill against its budget.
void draw_bar(const char *name, double used, double budget)
{
    const float share = budget > 0 ? float(used / budget) : 0.0f;
    char text[64];
    std::snprintf(text, sizeof text, "%.1f of %.1f MiB", used / MIB, budget / MIB);
    ImGui::PushStyleColor(ImGuiCol_PlotHistogram, BAR_GOOD);
    ImGui::ProgressBar(share, ImVec2(230, 0), text);
    ImGui::PopStyleColor();
    ImGui::SameLine();
    ImGui::TextUnformatted(name);
}

void draw_slots(const vt_stats &s)
{
    char text[64];
    std::snprintf(text, sizeof text, "%u of %u pages", s.vram.slots_used, s.vram.slots);
    ImGui::PushStyleColor(ImGuiCol_PlotHistogram,
                          s.vram.slots_wanted > s.vram.slots ? BAR_FULL : BAR_GOOD);
    ImGui::ProgressBar(s.vram.slots ? float(s.vram.slots_used) / float(s.vram.slots) : 0.0f,
                       ImVec2(230, 0), text);
    ImGui::PopStyleColor();
    ImGui::SameLine();
    ImGui::TextUnformatted("atlas");
}

void draw_panel(const overlay_content &c)
{
    const vt_stats &s = *c.stats;
    begin_panel("panel", 12, 12, 0, 0);
    draw_frame_times(c);
    draw_bar("memory", double(s.ram.used_bytes), double(s.ram.budget_bytes));
    draw_bar("video memory", double(s.vram.used_bytes), double(s.vram.budget_bytes));
    draw_slots(s);
    ImGui::Separator();
    ImGui::Text("reading %3u   decoding %3u   fading %3u", s.fetch_pending, s.decode_pending,
                s.fading);
    ImGui::Text("wanted %5u   missing %4u   mip bias %.2f", s.vram.slots_wanted, s.missing,
                double(s.mip_bias));
    ImGui::Text("uploaded %llu   evicted %llu", (unsigned long long)s.pages.uploaded,
                (unsigned long long)s.pages.evicted);
    ImGui::Text("allocator %s   waited at once, at most %u", c.sync, s.ram.pending_high_water);
    if (s.pages.corrupt + s.pages.failed > 0) {
        ImGui::TextColored(BAR_FULL, "bad pages %llu",
                           (unsigned long long)(s.pages.corrupt + s.pages.failed));
    }
    ImGui::Separator();
    ImGui::TextColored(DIM, "at %.1f  %.1f  %.1f   speed %.1f   patches %u", c.x, c.y, c.z, c.speed,
                       c.patches);
    ImGui::TextColored(DIM, "%s", c.world);
    ImGui::TextColored(DIM, "%s", c.renderer);
    ImGui::End();
}

void draw_help()
{
    static const char *const LINES[][2] = {
        {"hold a mouse button", "look around (a picture: drag it)"},
        {"W A S D", "forward, left, back, right"},
        {"E or space, Q or ctrl", "up, down"},
        {"wheel", "speed (a picture: zoom)"},
        {"shift", "faster"},
        {"T", "the tour"},
        {"Tab", "figures"},
        {"P", "save a picture to this folder"},
        {"F11", "full screen"},
        {"F1", "this help"},
        {"Esc", "quit"},
    };
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    begin_panel("help", size.x / 2, size.y / 2, 0.5f, 0.5f);
    for (const auto &line : LINES) {
        ImGui::TextUnformatted(line[0]);
        ImGui::SameLine(200);
        ImGui::TextColored(DIM, "%s", line[1]);
    }
    ImGui::End();
}

void draw_message(const char *message)
{
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    begin_panel("message", size.x / 2, size.y - 24, 0.5f, 1);
    ImGui::TextUnformatted(message);
    ImGui::End();
}

void set_style()
{
    ImGuiStyle &style = ImGui::GetStyle();
    ImGui::StyleColorsDark(&style);
    style.WindowRounding = 6;
    style.FrameRounding = 3;
    style.WindowBorderSize = 0;
    style.WindowPadding = ImVec2(12, 10);
    style.Colors[ImGuiCol_WindowBg] = ImVec4(0.04f, 0.06f, 0.09f, 1.0f);
    style.Colors[ImGuiCol_FrameBg] = ImVec4(0.12f, 0.16f, 0.21f, 1.0f);
}

} // namespace

bool overlay_create(GLFWwindow *window)
{
    IMGUI_CHECKVERSION();
    ImGui::CreateContext();
    ImGui::GetIO().IniFilename = nullptr; // no file beside the user's own
    set_style();
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

void overlay_draw(const overlay_content *content)
{
    if (!created) {
        return;
    }
    ImGui_ImplOpenGL3_NewFrame();
    ImGui_ImplGlfw_NewFrame();
    ImGui::NewFrame();
    if (content->panel) {
        draw_panel(*content);
    }
    if (content->help) {
        draw_help();
    }
    if (content->message[0] != '\0') {
        draw_message(content->message);
    }
    ImGui::Render();
    ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
}

bool overlay_wants_mouse(void)
{
    return created && ImGui::GetIO().WantCaptureMouse;
}
