// Slack's mrkdwn as nodes. What a message says is only ever text here: nothing of it becomes markup of the page.

import { element } from "./dom.js";
import { link } from "./links.js";

const EMOJI = {
  arrow_forward: "▶️", bell: "🔔", bulb: "💡", double_vertical_bar: "⏸️", gear: "⚙️", ghost: "👻", grey_question: "❔", heavy_plus_sign: "➕", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", information_source: "ℹ️", label: "🏷️", mag: "🔍", mute: "🔇", no_bell: "🔕", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑",
  repeat: "🔁", rocket: "🚀", rotating_light: "🚨", warning: "⚠️", wave: "👋", white_check_mark: "✅", x: "❌",
};

const TOKEN = /```([\s\S]+?)```|`([^`\n]+)`|<([^<>]+)>|(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])|(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])|:([a-z0-9_+-]+):/;

export function plain(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

export function emoji(name) {
  return EMOJI[name] ?? `:${name}:`;
}

// `world` knows people and channels by id.
export function mrkdwn(text, world) {
  const nodes = [];
  let rest = text;
  while (rest) {
    const found = TOKEN.exec(rest);
    if (!found) break;
    nodes.push(...lines(rest.slice(0, found.index)), node(found, world));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...nodes, ...lines(rest)];
}

function lines(text) {
  return plain(text).split("\n").flatMap((line, nth) => (nth ? [element("br"), line] : [line])).filter((part) => part !== "");
}

function node([whole, block, code, reference, bold, italic, struck, name], world) {
  if (block !== undefined) return element("pre", {}, plain(block));
  if (code !== undefined) return element("code", {}, plain(code));
  if (reference !== undefined) return referred(reference, world);
  if (bold !== undefined) return element("strong", {}, ...mrkdwn(bold, world));
  if (italic !== undefined) return element("em", {}, ...mrkdwn(italic, world));
  if (struck !== undefined) return element("s", {}, ...mrkdwn(struck, world));
  return EMOJI[name] ? element("span", { role: "img", "aria-label": name.replaceAll("_", " ") }, EMOJI[name]) : whole;
}

function referred(reference, world) {
  const [target, label] = reference.split("|", 2);
  if (target.startsWith("@")) return element("span", { class: "mention" }, `@${world.person(target.slice(1))}`);
  if (target.startsWith("#")) return element("span", { class: "mention" }, `#${world.channel(target.slice(1))}`);
  if (target.startsWith("!date^")) return moment(target.split("^"), plain(label ?? ""));
  if (target.startsWith("!")) return element("span", { class: "mention" }, `@${plain(label ?? target.slice(1))}`);
  return link(plain(target), plain(label ?? target));
}

// <!date^timestamp^format|fallback> in the reader's own time zone.
function moment([, stamp, format], fallback) {
  const at = new Date(Number(stamp) * 1000);
  if (Number.isNaN(at.getTime()) || !format) return fallback;
  const said = format.replace(/\{(\w+)\}/g, (token, name) => said_of(at, name) ?? token);
  return element("time", { datetime: at.toISOString(), title: at.toLocaleString() }, said);
}

function said_of(at, name) {
  const time = { hour: "numeric", minute: "2-digit" };
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86400000);
  const near = { 0: "today", 1: "yesterday", "-1": "tomorrow" }[days];
  switch (name) {
    case "time": return at.toLocaleTimeString([], time);
    case "time_secs": return at.toLocaleTimeString();
    case "date_num": return at.toLocaleDateString();
    case "date": return at.toLocaleDateString([], { month: "long", day: "numeric", year: "numeric" });
    case "date_short": return at.toLocaleDateString([], { month: "short", day: "numeric", year: "numeric" });
    case "date_long": return at.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric", year: "numeric" });
    case "date_pretty": return near ?? said_of(at, "date");
    case "date_short_pretty": return near ?? said_of(at, "date_short");
    case "date_long_pretty": return near ?? said_of(at, "date_long");
    case "ago": return ago(at);
    default: return null;
  }
}

function ago(at) {
  const seconds = Math.round((at.getTime() - Date.now()) / 1000);
  const format = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, "second");
}
