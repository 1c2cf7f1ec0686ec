// Who one is and where one can go: people, channels, the Home tab.

import { at, element, keep } from "./dom.js";
import { draw_place, draw_thread } from "./messages.js";
import { act } from "./server.js";
import { here, pane, seen } from "./state.js";

const read = {}; // by person and channel: the newest ts that was seen
const typed = {}; // by channel: what was written and not sent

export function draw_people() {
  const able = seen.people.filter((each) => each.role);
  keep(at("as"), able.map((each) => ({ key: each.id, value: each })), (each) => element("option", { value: each.id }, `${each.name}, ${each.role}`));
  at("as").value = seen.me;
}

export function draw_channels() {
  const rows = seen.channels.map((channel) => {
    const newest = channel.messages.at(-1)?.ts ?? "0", mark = `${seen.me} ${channel.id}`;
    if (channel.id === here.place) read[mark] = newest;
    read[mark] ??= newest;
    const unread = channel.messages.filter((each) => Number(each.ts) > Number(read[mark])).length;
    return { key: channel.id, value: { id: channel.id, name: channel.name, im: channel.im, unread, here: channel.id === here.place } };
  });
  rows.push({ key: "home", value: { id: "home", name: "ftjob: Home", home: true, unread: 0, here: here.place === "home" } });
  keep(at("channels"), rows, (row) => {
    const name = row.im ? `${row.name} (direct message)` : row.home ? row.name : `# ${row.name}`;
    const count = row.unread ? element("span", { class: "count" }, `${row.unread}`, element("span", { class: "unseen" }, " unread")) : null;
    return element("li", {}, element("button", { class: row.unread ? "unread" : null, "aria-current": row.here ? "page" : null, "data-use": `go ${row.id}`, onclick: () => go(row.id) }, name, " ", count));
  });
}

export function go(where) {
  typed[here.place] = at("write").value;
  here.place = where;
  here.thread = null;
  at("write").value = typed[here.place] ?? "";
  at("said").textContent = "";
  pane("chat");
  if (where === "home") act({ do: "home" });
  draw_channels();
  draw_place();
  draw_thread();
  at("messages").scrollTop = at("messages").scrollHeight;
}
