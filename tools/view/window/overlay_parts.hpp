// overlay_parts.hpp: what the two files of the overlay share. Private to overlay*.cpp.
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_OVERLAY_PARTS_HPP
#define MEGABUDDY_TOOLS_VIEW_WINDOW_OVERLAY_PARTS_HPP

#include "tools/view/window/overlay.h"

#include <imgui/imgui.h>

namespace overlay_parts
{

const ImVec4 TEXT(0.88f, 0.91f, 0.94f, 1.0f);
const ImVec4 DIM(0.58f, 0.65f, 0.72f, 1.0f);
const ImVec4 GOOD(0.24f, 0.55f, 0.76f, 1.0f);
const ImVec4 WASTE(0.72f, 0.50f, 0.20f, 1.0f);
const ImVec4 BAD(0.86f, 0.36f, 0.26f, 1.0f);

float px(float points); // pixels; a point is a pixel on screens of ordinary letters

// Notes where the control just drawn lies (MEGABUDDY_LAYOUT).
void note(const char *name);

// Begins a window without a frame: `width` pixels wide (0: as it needs) and at most so high;
// `pivot` says which point of it lies at (x, y). ImGui::End ends it.
void begin_panel(const char *name, ImVec2 at, ImVec2 pivot, float width, float most_height);

bool button(const char *label, const char *name);
void tip(const char *text); // shown while the mouse is over the control just drawn

// The panels of figures and knobs (overlay_panels.cpp).
overlay_deeds draw_panels(const overlay_content &content, overlay_state &state);

} // namespace overlay_parts

#endif
