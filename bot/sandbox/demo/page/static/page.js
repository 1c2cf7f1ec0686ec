// Entry point of the page: draws what changes on the server.

import "./composer.js";
import { by_id } from "./dom.js";
import { draw_controls } from "./controls.js";
import { draw_channel, draw_thread } from "./messages.js";
import { switch_user, draw_channels, draw_users } from "./navigation.js";
import { subscribe } from "./server.js";
import { channels, current, show_pane, state } from "./state.js";
import { draw_modal } from "./dialogs.js";

// Draw everything that shows the changed kinds of records.
function draw(changed) {
  const has_changed = (...kinds) => kinds.some((kind) => changed.has(kind));
  const known = channels();
  current.channel ??= known.find((each) => !each.is_im)?.id ?? null;
  if (current.channel !== "home" && !known.some((each) => each.id === current.channel)) current.channel = known[0]?.id ?? "home";
  if (has_changed("users")) draw_users();
  if (has_changed("users", "channels", "messages")) draw_channels();
  if (has_changed("users", "channels", "messages", "homes")) { draw_channel(); draw_thread(); }
  if (has_changed("modals")) draw_modal();
  if (has_changed("status", "jobs", "requests")) draw_controls();
}

const ALL_KINDS = new Set(Object.keys(state));

by_id("user").addEventListener("change", (event) => { switch_user(event.target.value); draw(ALL_KINDS); });
by_id("close-thread").addEventListener("click", () => { current.thread = null; show_pane("chat"); draw_thread(); });
by_id("tabs").addEventListener("click", (event) => { if (event.target.dataset.pane) show_pane(event.target.dataset.pane); });

subscribe(draw);
