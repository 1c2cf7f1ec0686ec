// The page: what changes at the server comes in, and what shows it is drawn.

import "./composer.js";
import { at } from "./dom.js";
import { draw_lab } from "./lab.js";
import { draw_place, draw_thread } from "./messages.js";
import { become, draw_channels, draw_people } from "./places.js";
import { watch } from "./server.js";
import { channels, here, pane, seen } from "./state.js";
import { draw_modal } from "./windows.js";

// Draw what shows one of these kinds of records; `Set` of kinds as of `see`.
function draw(changed) {
  const is_any = (...kinds) => kinds.some((kind) => changed.has(kind));
  const known = channels();
  here.place ??= known.find((each) => !each.im)?.id ?? null;
  if (here.place !== "home" && !known.some((each) => each.id === here.place)) here.place = known[0]?.id ?? "home";
  if (is_any("people")) draw_people();
  if (is_any("people", "channels", "lines")) draw_channels();
  if (is_any("people", "channels", "lines", "homes")) { draw_place(); draw_thread(); }
  if (is_any("modals")) draw_modal();
  if (is_any("facts", "jobs", "entries")) draw_lab();
}

const EVERYTHING = new Set(Object.keys(seen));

at("as").addEventListener("change", (event) => { become(event.target.value); draw(EVERYTHING); });
at("shut").addEventListener("click", () => { here.thread = null; pane("chat"); draw_thread(); });
at("tabs").addEventListener("click", (event) => { if (event.target.dataset.pane) pane(event.target.dataset.pane); });

watch(draw);
