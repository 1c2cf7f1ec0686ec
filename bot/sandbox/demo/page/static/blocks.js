// Block Kit as Slack draws it: every block and element that the bot uses.

import { element } from "./dom.js";
import { link, picture } from "./links.js";
import { emoji, mrkdwn } from "./mrkdwn.js";

// `use(action_id, value)` is what pressing or choosing does; `world` as of mrkdwn; `errors` by block_id.
export function blocks(list, { use, world, errors = {} }) {
  return list.map((block) => drawn(block, { use, world, errors }));
}

export function text(object, world) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, world) : [with_emoji(object)];
}

function with_emoji(object) {
  return object.emoji === false ? object.text : object.text.replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));
}

function drawn(block, context) {
  const { world, use } = context;
  switch (block.type) {
    case "section": {
      const said = element("div", { class: "said" }, block.text ? element("p", {}, ...text(block.text, world)) : null, block.fields ? fields(block.fields, world) : null);
      return element("div", { class: "section" }, said, block.accessory ? control(block.accessory, use) : null);
    }
    case "context":
      return element("p", { class: "small" }, ...block.elements.flatMap((part) => [...(part.type === "image" ? [control(part)] : text(part, world)), " "]));
    case "actions":
      return element("div", { class: "actions" }, ...block.elements.map((part) => control(part, use)));
    case "header":
      return element("h3", {}, ...text(block.text, world));
    case "divider":
      return element("hr");
    case "image":
      return image(block, world);
    case "rich_text":
      return element("div", {}, ...block.elements.map((part) => rich(part, world)));
    case "input":
      return input(block, context);
    default:
      return element("p", { class: "small" }, `(a block of type ${block.type})`);
  }
}

function fields(list, world) {
  return element("div", { class: "fields" }, ...list.map((field) => element("p", {}, ...text(field, world))));
}

function image(block, world) {
  const title = block.title ? element("figcaption", { class: "small" }, ...text(block.title, world)) : null;
  if (!block.slack_file) return element("figure", {}, title, picture(block.image_url, block.alt_text, { loading: "lazy" }));
  return element("figure", {}, title, element("img", { src: `/file/${encodeURIComponent(block.slack_file.id)}`, alt: block.alt_text, loading: "lazy" }));
}

function rich(part, world) {
  const inner = (part.elements ?? []).map((each) => inline(each, world));
  if (part.type === "rich_text_preformatted") return element("pre", {}, ...inner);
  if (part.type === "rich_text_quote") return element("blockquote", {}, ...inner);
  if (part.type === "rich_text_list") return element("ul", {}, ...part.elements.map((each) => element("li", {}, rich(each, world))));
  return element("p", {}, ...inner);
}

function inline(part, world) {
  if (part.type === "user") return element("span", { class: "mention" }, `@${world.person(part.user_id)}`);
  if (part.type === "emoji") return emoji(part.name);
  if (part.type === "link") return link(part.url, part.text ?? part.url);
  return part.style?.code ? element("code", {}, part.text) : part.style?.bold ? element("strong", {}, part.text) : part.text ?? "";
}

function control(part, use) {
  const label = part.text ? with_emoji(part.text) : "";
  const kind = { danger: "danger", primary: "primary" }[part.style] ?? "quiet";
  switch (part.type) {
    case "button":
      if (part.url) return link(part.url, label, { class: `button ${kind}`, "aria-label": part.accessibility_label });
      return element("button", { type: "button", class: kind, "aria-label": part.accessibility_label, "data-use": `${part.action_id} ${part.value ?? ""}`, onclick: () => use(part.action_id, part.value, part.confirm) }, label);
    case "static_select":
    case "overflow":
      return chooser(part, use);
    case "image":
      return picture(part.image_url, part.alt_text, { class: "thumb" });
    default:
      return element("span", { class: "small" }, `(${part.type})`);
  }
}

function chooser(part, use) {
  const placeholder = part.placeholder?.text ?? (part.type === "overflow" ? "⋯" : "Choose");
  const options = part.options.map((option) => element("option", { value: option.value, selected: option.value === part.initial_option?.value }, with_emoji(option.text)));
  const empty = element("option", { value: "", disabled: true, selected: !part.initial_option }, placeholder);
  return element("select", { "aria-label": part.accessibility_label ?? placeholder, onchange: (event) => use(part.action_id, event.target.value, part.confirm) }, empty, ...options);
}

function input(block, { errors, world }) {
  const id = `input-${block.block_id}`, wrong = errors[block.block_id], hint = block.hint?.text;
  const label = element("label", { for: id }, ...text(block.label, world), block.optional ? element("span", { class: "small" }, " (optional)") : null);
  const described = [wrong ? `${id}-wrong` : null, hint ? `${id}-hint` : null].filter(Boolean).join(" ") || null;
  return element("div", { class: "input" }, label, field(block, { id, described, wrong }), hint ? element("p", { class: "small", id: `${id}-hint` }, hint) : null,
    wrong ? element("p", { class: "wrong", id: `${id}-wrong`, role: "alert" }, wrong) : null);
}

function field(block, { id, described, wrong }) {
  const part = block.element;
  const common = { id, name: part.action_id, "data-block": block.block_id, "aria-describedby": described, "aria-invalid": wrong ? "true" : null, required: !block.optional };
  if (part.type === "static_select") {
    const empty = element("option", { value: "", selected: !part.initial_option }, "");
    return element("select", common, empty, ...part.options.map((option) => element("option", { value: option.value, selected: option.value === part.initial_option?.value }, with_emoji(option.text))));
  }
  const typed = part.multiline ? element("textarea", { ...common, rows: 3, placeholder: part.placeholder?.text }) : element("input", { ...common, type: "text", placeholder: part.placeholder?.text });
  typed.value = part.initial_value ?? "";
  return typed;
}
