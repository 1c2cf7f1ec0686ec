// Slack's mrkdwn as DOM nodes. Message text is only ever text; none of it becomes markup of the page.

import { element, link } from "./dom.js";

const EMOJI = {
  alarm_clock: "⏰", arrow_forward: "▶️", bell: "🔔", bulb: "💡", double_vertical_bar: "⏸️", gear: "⚙️", ghost: "👻", grey_question: "❔", heavy_plus_sign: "➕", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", information_source: "ℹ️", label: "🏷️", mag: "🔍", mute: "🔇", no_bell: "🔕", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑",
  arrows_counterclockwise: "🔄", repeat: "🔁", rocket: "🚀", rotating_light: "🚨", warning: "⚠️", wave: "👋", white_check_mark: "✅", x: "❌",
};

const TOKEN = /```([\s\S]+?)```|`([^`\n]+)`|<([^<>]+)>|(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])|(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])|:([a-z0-9_+-]+):/;

export function plain(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

export function emoji(name) {
  return EMOJI[name] ?? `:${name}:`;
}

// `names` resolves the ids of users and channels.
export function mrkdwn(text, names) {
  const nodes = [];
  let rest = text;
  while (rest) {
    const found = TOKEN.exec(rest);
    if (!found) break;
    nodes.push(...lines(rest.slice(0, found.index)), draw_token(found, names));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...nodes, ...lines(rest)];
}

function lines(text) {
  return plain(text).split("\n").flatMap((line, nth) => (nth ? [element("br"), line] : [line])).filter((part) => part !== "");
}

function draw_token([whole, block, code, reference, bold, italic, struck, name], names) {
  if (block !== undefined) return element("pre", {}, plain(block));
  if (code !== undefined) return element("code", {}, plain(code));
  if (reference !== undefined) return draw_reference(reference, names);
  if (bold !== undefined) return element("strong", {}, ...mrkdwn(bold, names));
  if (italic !== undefined) return element("em", {}, ...mrkdwn(italic, names));
  if (struck !== undefined) return element("s", {}, ...mrkdwn(struck, names));
  return EMOJI[name] ? element("span", { role: "img", "aria-label": name.replaceAll("_", " ") }, EMOJI[name]) : whole;
}

function draw_reference(reference, names) {
  const [target, label] = reference.split("|", 2);
  if (target.startsWith("@")) return element("span", { class: "mention" }, `@${names.user(target.slice(1))}`);
  if (target.startsWith("#")) return element("span", { class: "mention" }, `#${names.channel(target.slice(1))}`);
  if (target.startsWith("!date^")) return draw_date(target.split("^"), plain(label ?? ""));
  if (target.startsWith("!")) return element("span", { class: "mention" }, `@${plain(label ?? target.slice(1))}`);
  return link(plain(target), plain(label ?? target));
}

// <!date^timestamp^format|fallback> in the reader's own time zone.
function draw_date([, stamp, format], fallback) {
  const date = new Date(Number(stamp) * 1000);
  if (Number.isNaN(date.getTime()) || !format) return fallback;
  const text = format.replace(/\{(\w+)\}/g, (token, name) => format_date(date, name) ?? token);
  return element("time", { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}

function format_date(date, name) {
  const time = { hour: "numeric", minute: "2-digit" };
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  const near = { 0: "today", 1: "yesterday", "-1": "tomorrow" }[days];
  switch (name) {
    case "time": return date.toLocaleTimeString([], time);
    case "time_secs": return date.toLocaleTimeString();
    case "date_num": return date.toLocaleDateString();
    case "date": return date.toLocaleDateString([], { month: "long", day: "numeric", year: "numeric" });
    case "date_short": return date.toLocaleDateString([], { month: "short", day: "numeric", year: "numeric" });
    case "date_long": return date.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric", year: "numeric" });
    case "date_pretty": return near ?? format_date(date, "date");
    case "date_short_pretty": return near ?? format_date(date, "date_short");
    case "date_long_pretty": return near ?? format_date(date, "date_long");
    case "ago": return ago(date);
    default: return null;
  }
}

function ago(date) {
  const seconds = Math.round((date.getTime() - Date.now()) / 1000);
  const format = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, "second");
}
