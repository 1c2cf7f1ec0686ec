// Messages of a channel and of a thread, in scrolling lists, and the Home tab.

import { blocks } from "./blocks.js";
import { by_id, element, reconcile } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { perform } from "./server.js";
import { current_channel, current, show_pane, state, names } from "./state.js";
import { on_action } from "./dialogs.js";

const FIRST_PAGE = 100;
const PAGE = 200;
const NEAR_PIXELS = 80;

// A scrolling list of messages: the newest are drawn, earlier ones on request.
class MessageList {
  constructor(list, draw_one) {
    Object.assign(this, { list, draw_one, items: [], first: "", top: 0 });
    this.scroll_to_end();
    list.addEventListener("scroll", () => { this.is_pinned = this.is_at_end(); });
    new ResizeObserver(() => this.follow()).observe(list); // hints and threads change its size
    list.addEventListener("load", () => this.follow(), true); // images load later than their messages
  }

  // Show the end at the next drawing, for another channel or thread.
  scroll_to_end() {
    this.is_pinned = this.is_new = true;
  }

  // Draw items as for `reconcile`, by ts, oldest first. A list at its end stays there; another keeps its scroll position.
  draw(items) {
    this.items = items;
    this.is_pinned = this.is_new || this.is_at_end();
    this.is_new = false;
    this.paint(this.is_pinned ? Math.max(0, items.length - FIRST_PAGE) : Math.max(0, items.findIndex(([ts]) => ts >= this.first)));
  }

  paint(start) {
    this.first = this.items[start]?.[0] ?? "";
    const above = start ? [["earlier", start]] : [];
    reconcile(this.list, [...above, ...this.items.slice(start)], (...values) => (typeof values[0] === "number" ? this.button(...values) : this.draw_one(...values)));
    this.follow();
  }

  button(count) {
    const show = () => {
      const below = this.list.scrollHeight - this.list.scrollTop;
      this.is_pinned = false;
      this.paint(Math.max(0, count - PAGE));
      this.list.scrollTop = this.list.scrollHeight - below;
    };
    return element("button", { class: "quiet earlier", "data-use": "earlier", onclick: show }, `Show earlier messages (${count.toLocaleString()})`);
  }

  follow() {
    if (this.is_pinned) this.list.scrollTop = this.list.scrollHeight;
    this.top = this.list.scrollTop;
  }

  // Only scrolling up leaves the end; a list that shrinks or messages that grow do not.
  is_at_end() {
    return this.is_near_end() || (this.is_pinned && this.list.scrollTop >= this.top);
  }

  is_near_end() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_PIXELS;
  }
}

const channel_list = new MessageList(by_id("messages"), draw_message), thread_list = new MessageList(by_id("replies"), draw_reply);
const NO_HOME = [{ type: "section", text: { type: "plain_text", text: "The bot has not shown this tab yet." } }];

// Scroll to the newest message, after a change of channel or user.
export function scroll_to_end() {
  channel_list.scroll_to_end();
}

export function draw_channel() {
  const channel = current_channel(), is_home = current.channel === "home";
  by_id("title").textContent = is_home ? "ftjob: Home" : channel.is_im ? "ftjob (direct message)" : `# ${channel.name}`;
  by_id("membership").hidden = is_home || channel.is_im;
  by_id("messages").hidden = is_home;
  by_id("composer").hidden = is_home;
  by_id("home").hidden = !is_home;
  if (is_home) {
    reconcile(by_id("home"), (state.home ?? NO_HOME).map((block, nth) => [`${nth}`, block]), (block) => blocks([block], { names, use: on_action({ kind: "home" }) })[0]);
    return;
  }
  by_id("membership").textContent = channel.bot_is_member ? "Remove ftjob from this channel" : "Invite ftjob to this channel";
  by_id("membership").onclick = () => perform({ action: channel.bot_is_member ? "remove" : "invite", channel: channel.id });
  const shown = messages_in_channel(), replies = count_replies(shown);
  channel_list.draw(shown.filter(is_in_channel).map((message) => [message.ts, message, replies.get(message.ts) ?? 0]));
}

export function draw_thread() {
  const root = current.channel === "home" ? null : state.messages.get(current.thread);
  by_id("thread").hidden = !root;
  document.querySelector("#tabs [data-pane=thread]").hidden = !root;
  if (!root) return;
  thread_list.draw(messages_in_channel().filter((message) => message === root || is_reply(message, root.ts)).map((message) => [message.ts, message]));
}

function open_thread(ts) {
  current.thread = ts;
  thread_list.scroll_to_end();
  show_pane("thread");
  draw_thread();
  by_id("close-thread").focus();
}

function messages_in_channel() {
  return [...state.messages.values()].filter((message) => message.channel === current.channel && (!message.visible_to || message.visible_to === current.user));
}

function is_in_channel(message) {
  return !message.thread_ts || message.thread_ts === message.ts || message.broadcast;
}

function is_reply(message, ts) {
  return message.thread_ts === ts && message.ts !== ts;
}

function count_replies(shown) {
  const counts = new Map();
  for (const message of shown) if (message.thread_ts && message.thread_ts !== message.ts) counts.set(message.thread_ts, (counts.get(message.thread_ts) ?? 0) + 1);
  return counts;
}

function draw_message(message, replies, in_thread = false) {
  const author = state.users.get(message.user), when = new Date(Number(message.ts) * 1000);
  const notes = [message.edited ? "(edited)" : "", !in_thread && message.broadcast ? "replied to a thread" : ""].filter(Boolean).join(" · ");
  const head = element("p", { class: "byline" }, element("strong", {}, author?.name ?? message.user), author?.is_bot ? element("span", { class: "app" }, "APP") : null,
    element("time", { class: "small", datetime: when.toISOString() }, when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" })), notes ? element("span", { class: "small" }, notes) : null);
  const target = message.visible_to ? { kind: "ephemeral", ts: message.ts } : { kind: "message", channel: message.channel, ts: message.ts };
  const body = message.blocks.length ? blocks(message.blocks, { names, use: on_action(target) }) : [element("p", {}, ...mrkdwn(message.text, names))];
  const visibility = message.visible_to ? element("p", { class: "small visibility" }, "Only visible to you") : null;
  const thread_button = !in_thread && replies ? element("button", { class: "replies", "data-use": `thread ${message.ts}`, onclick: () => open_thread(message.ts) }, replies === 1 ? "1 reply" : `${replies} replies`) : null;
  const shortcuts = message.visible_to ? [] : state.status("shortcuts").map(({ callback_id, name }) => element("button", { class: "quiet", "data-use": `${callback_id} ${message.ts}`, onclick: () => perform({ action: "shortcut", callback_id, channel: message.channel, ts: message.ts }) }, name));
  return element("article", { class: message.visible_to ? "ephemeral" : author?.is_bot ? "bot" : "user" }, visibility, head, ...body, thread_button, shortcuts.length ? element("span", { class: "shortcuts" }, ...shortcuts) : null);
}

function draw_reply(message) {
  return draw_message(message, 0, true);
}
