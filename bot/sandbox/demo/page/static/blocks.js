// Block Kit: draws every block and element that the bot uses.

import { element, link, open_link, safe_image } from "./dom.js";
import { emoji, mrkdwn } from "./mrkdwn.js";

// `use(action_id, value)` handles a button or a choice; `names` as for mrkdwn; `errors` by block_id.
export function blocks(list, { use, names, errors = {} }) {
  return list.map((block) => draw_block(block, { use, names, errors }));
}

export function text(object, names) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : [plain_text(object)];
}

function plain_text(object) {
  return object.emoji === false ? object.text : object.text.replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));
}

function draw_block(block, context) {
  const { names, use } = context;
  switch (block.type) {
    case "section": {
      const content = element("div", { class: "section-text" }, block.text ? element("p", {}, ...text(block.text, names)) : null, block.fields ? draw_fields(block.fields, names) : null);
      return element("div", { class: "section" }, content, block.accessory ? draw_element(block.accessory, use) : null);
    }
    case "context":
      return element("p", { class: "small" }, ...block.elements.flatMap((part) => [...(part.type === "image" ? [draw_element(part)] : text(part, names)), " "]));
    case "actions":
      return element("div", { class: "actions" }, ...block.elements.map((part) => draw_element(part, use)));
    case "header":
      return element("h3", {}, ...text(block.text, names));
    case "divider":
      return element("hr");
    case "image":
      return draw_image(block, names);
    case "rich_text":
      return element("div", {}, ...block.elements.map((part) => draw_rich_text(part, names)));
    case "input":
      return draw_input(block, context);
    default:
      return element("p", { class: "small" }, `(a block of type ${block.type})`);
  }
}

function draw_fields(list, names) {
  return element("div", { class: "fields" }, ...list.map((field) => element("p", {}, ...text(field, names))));
}

function draw_image(block, names) {
  const title = block.title ? element("figcaption", { class: "small" }, ...text(block.title, names)) : null;
  if (!block.slack_file) return element("figure", {}, title, safe_image(block.image_url, block.alt_text, { loading: "lazy" }));
  return element("figure", {}, title, element("img", { src: `/file/${encodeURIComponent(block.slack_file.id)}`, alt: block.alt_text, loading: "lazy" }));
}

function draw_rich_text(part, names) {
  const inner = (part.elements ?? []).map((each) => draw_inline(each, names));
  if (part.type === "rich_text_preformatted") return element("pre", {}, ...inner);
  if (part.type === "rich_text_quote") return element("blockquote", {}, ...inner);
  if (part.type === "rich_text_list") return element("ul", {}, ...part.elements.map((each) => element("li", {}, draw_rich_text(each, names))));
  return element("p", {}, ...inner);
}

function draw_inline(part, names) {
  if (part.type === "user") return element("span", { class: "mention" }, `@${names.user(part.user_id)}`);
  if (part.type === "emoji") return emoji(part.name);
  if (part.type === "link") return link(part.url, part.text ?? part.url);
  return part.style?.code ? element("code", {}, part.text) : part.style?.bold ? element("strong", {}, part.text) : part.text ?? "";
}

function draw_element(part, use) {
  const label = part.text ? plain_text(part.text) : "";
  const kind = { danger: "danger", primary: "primary" }[part.style] ?? "quiet";
  switch (part.type) {
    case "button":
      if (part.url) return link(part.url, label, { class: `button ${kind}`, "aria-label": part.accessibility_label });
      return element("button", { type: "button", class: kind, "aria-label": part.accessibility_label, "data-use": `${part.action_id} ${part.value ?? ""}`, onclick: () => use(part.action_id, part.value, part.confirm) }, label);
    case "static_select":
    case "overflow":
      return draw_select(part, use);
    case "image":
      return safe_image(part.image_url, part.alt_text, { class: "thumb" });
    default:
      return element("span", { class: "small" }, `(${part.type})`);
  }
}

function draw_select(part, use) {
  const placeholder = part.placeholder?.text ?? (part.type === "overflow" ? "⋯" : "Choose");
  const options = part.options.map((option) => element("option", { value: option.value, selected: option.value === part.initial_option?.value }, plain_text(option.text)));
  const empty = element("option", { value: "", disabled: true, selected: !part.initial_option }, placeholder);
  const choose = (event) => {
    const option = part.options.find((each) => each.value === event.target.value);
    event.target.selectedIndex = 0;
    if (option.url) open_link(option.url);
    use(part.action_id, option.value, part.confirm);
  };
  const name = part.type === "overflow" ? "More actions" : placeholder;
  return element("select", { "aria-label": part.accessibility_label ?? name, class: part.type, onchange: choose }, empty, ...options);
}

function draw_input(block, { errors, names }) {
  const id = `input-${block.block_id}`, wrong = errors[block.block_id], hint = block.hint?.text;
  const label = element("label", { for: id }, ...text(block.label, names), block.optional ? element("span", { class: "small" }, " (optional)") : null);
  const described = [wrong ? `${id}-wrong` : null, hint ? `${id}-hint` : null].filter(Boolean).join(" ") || null;
  return element("div", { class: "input" }, label, draw_field(block, { id, described, wrong }), hint ? element("p", { class: "small", id: `${id}-hint` }, hint) : null,
    wrong ? element("p", { class: "wrong", id: `${id}-wrong`, role: "alert" }, wrong) : null);
}

function draw_field(block, { id, described, wrong }) {
  const part = block.element;
  const common = { id, name: part.action_id, "data-block": block.block_id, "aria-describedby": described, "aria-invalid": wrong ? "true" : null, required: !block.optional };
  if (part.type === "static_select") {
    const empty = element("option", { value: "", selected: !part.initial_option }, "");
    return element("select", common, empty, ...part.options.map((option) => element("option", { value: option.value, selected: option.value === part.initial_option?.value }, plain_text(option.text))));
  }
  const typed = part.multiline ? element("textarea", { ...common, rows: 3, placeholder: part.placeholder?.text }) : element("input", { ...common, type: "text", placeholder: part.placeholder?.text });
  typed.value = part.initial_value ?? "";
  return typed;
}
