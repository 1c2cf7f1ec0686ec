// Navigation: the selected user, channels and the Home tab.

import { by_id, element, reconcile } from "./dom.js";
import { scroll_to_end, draw_channel, draw_thread } from "./messages.js";
import { perform } from "./server.js";
import { channels, current, show_pane, state } from "./state.js";

const last_read = {}; // newest ts that was seen, by user and channel
const drafts = {}; // unsent text by channel

export function draw_users() {
  const selectable = [...state.users.values()].filter((each) => each.role);
  reconcile(by_id("user"), selectable.map((each) => [each.id, each]), (each) => element("option", { value: each.id }, `${each.name}, ${each.role}`));
  by_id("user").value = current.user;
}

export function draw_channels() {
  const stamps = stamps_by_channel();
  const rows = channels().map(({ id, name, is_im }) => ({ id, name: is_im ? `${name} (direct message)` : `# ${name}`, unread: count_unread(id, stamps.get(id) ?? []), is_current: id === current.channel }));
  rows.push({ id: "home", name: "ftjob: Home", unread: 0, is_current: current.channel === "home" });
  reconcile(by_id("channels"), rows.map((row) => [row.id, row]), (row) => {
    const count = row.unread ? element("span", { class: "count" }, `${row.unread}`, element("span", { class: "visually-hidden" }, " unread")) : null;
    return element("li", {}, element("button", { class: row.unread ? "unread" : null, "aria-current": row.is_current ? "page" : null, "data-use": `open ${row.id}`, onclick: () => open_channel(row.id) }, row.name, " ", count));
  });
}

function stamps_by_channel() {
  const stamps = new Map();
  for (const { ts, channel, visible_to } of state.messages.values()) {
    if (visible_to) continue;
    if (!stamps.has(channel)) stamps.set(channel, []);
    stamps.get(channel).push(ts);
  }
  return stamps;
}

function count_unread(channel, stamps) {
  const key = `${current.user} ${channel}`;
  if (channel === current.channel || !(key in last_read)) last_read[key] = stamps.at(-1) ?? "";
  return stamps.length - 1 - stamps.findLastIndex((ts) => ts <= last_read[key]);
}

// Switch to another user; an open thread is closed.
export function switch_user(user) {
  current.user = user;
  current.thread = null;
  scroll_to_end();
}

export function open_channel(channel) {
  drafts[current.channel] = by_id("composer-text").value;
  current.channel = channel;
  current.thread = null;
  by_id("composer-text").value = drafts[current.channel] ?? "";
  by_id("status-message").textContent = "";
  scroll_to_end();
  show_pane("chat");
  if (channel === "home") perform({ action: "home" });
  draw_channels();
  draw_channel();
  draw_thread();
}
