// Who one is and where one can go: people, channels, the Home tab.

import { at, element, keep } from "./dom.js";
import { begin, draw_place, draw_thread } from "./messages.js";
import { act } from "./server.js";
import { channels, here, pane, seen } from "./state.js";

const read = {}; // by person and channel: the newest ts that was seen
const typed = {}; // by channel: what was written and not sent

export function draw_people() {
  const able = [...seen.people.values()].filter((each) => each.role);
  keep(at("as"), able.map((each) => [each.id, each]), (each) => element("option", { value: each.id }, `${each.name}, ${each.role}`));
  at("as").value = here.me;
}

export function draw_channels() {
  const stamps = stamps_by_channel();
  const rows = channels().map(({ id, name, im }) => ({ id, name: im ? `${name} (direct message)` : `# ${name}`, unread: count_unread(id, stamps.get(id) ?? []), here: id === here.place }));
  rows.push({ id: "home", name: "ftjob: Home", unread: 0, here: here.place === "home" });
  keep(at("channels"), rows.map((row) => [row.id, row]), (row) => {
    const count = row.unread ? element("span", { class: "count" }, `${row.unread}`, element("span", { class: "unseen" }, " unread")) : null;
    return element("li", {}, element("button", { class: row.unread ? "unread" : null, "aria-current": row.here ? "page" : null, "data-use": `go ${row.id}`, onclick: () => go(row.id) }, row.name, " ", count));
  });
}

function stamps_by_channel() {
  const stamps = new Map();
  for (const { ts, channel, only_for } of seen.lines.values()) {
    if (only_for) continue;
    if (!stamps.has(channel)) stamps.set(channel, []);
    stamps.get(channel).push(ts);
  }
  return stamps;
}

function count_unread(channel, stamps) {
  const mark = `${here.me} ${channel}`;
  if (channel === here.place || !(mark in read)) read[mark] = stamps.at(-1) ?? "";
  return stamps.length - 1 - stamps.findLastIndex((ts) => ts <= read[mark]);
}

// Go on as somebody else; a thread that is open stays behind.
export function become(who) {
  here.me = who;
  here.thread = null;
  begin();
}

export function go(where) {
  typed[here.place] = at("write").value;
  here.place = where;
  here.thread = null;
  at("write").value = typed[here.place] ?? "";
  at("said").textContent = "";
  begin();
  pane("chat");
  if (where === "home") act({ do: "home" });
  draw_channels();
  draw_place();
  draw_thread();
}
