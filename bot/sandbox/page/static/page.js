// The page: one picture of the workspace after the other comes in and is drawn.

import "./composer.js";
import { at } from "./dom.js";
import { draw_lab } from "./lab.js";
import { draw_place, draw_thread } from "./messages.js";
import { draw_channels, draw_people } from "./places.js";
import { watch } from "./server.js";
import { here, pane, seen } from "./state.js";
import { draw_modal } from "./windows.js";

function draw() {
  here.place ??= seen.channels.find((each) => !each.im)?.id ?? null;
  if (here.place !== "home" && !seen.channels.some((each) => each.id === here.place)) here.place = seen.channels[0]?.id ?? "home";
  draw_people();
  draw_channels();
  draw_place();
  draw_thread();
  draw_modal();
  draw_lab();
}

at("as").addEventListener("change", (event) => { here.thread = null; watch(event.target.value, draw); });
at("shut").addEventListener("click", () => { here.thread = null; pane("chat"); draw_thread(); });
at("tabs").addEventListener("click", (event) => { if (event.target.dataset.pane) pane(event.target.dataset.pane); });

watch("", draw);
