// Messages of a channel, of a thread, and the Home tab.

import { blocks } from "./blocks.js";
import { by_id, element, reconcile } from "./dom.js";
import { MessageList } from "./message_list.js";
import { mrkdwn } from "./mrkdwn.js";
import { perform } from "./server.js";
import { current_channel, current, show_pane, state, names } from "./state.js";
import { on_action } from "./dialogs.js";

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
