// DOM helpers: find, create and reconcile elements; links and images with URLs from outside.

export const by_id = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Redraw only what changed, so that scroll position, focus and half-filled fields stay.
// Each item has a key and the values for `draw_one`; an unchanged record is the same object.
export function reconcile(container, items, draw_one) {
  const focused = document.activeElement?.dataset?.use, inside = container.contains(document.activeElement);
  const before = new Map([...container.children].map((child) => [child.dataset.key, child])), keys = new Set(items.map(([key]) => key));
  before.forEach((child, key) => { if (!keys.has(key)) child.remove(); });
  let next = container.firstElementChild;
  for (const [key, ...values] of items) {
    let child = before.get(key);
    if (!child || !child.values.every((value, nth) => is_same(value, values[nth]))) {
      const made = draw_one(...values);
      made.dataset.key = key;
      made.values = values;
      if (child === next) next = made;
      child?.replaceWith(made);
      child = made;
    }
    if (child === next) next = next.nextElementSibling;
    else container.insertBefore(child, next);
  }
  if (inside && focused && !container.contains(document.activeElement)) {
    [...container.querySelectorAll("[data-use]")].find((each) => each.dataset.use === focused)?.focus({ preventScroll: true });
  }
}

function is_same(one, other) {
  return one === other || (typeof one === "object" && JSON.stringify(one) === JSON.stringify(other));
}

// Schemes of URLs from outside; others run scripts or reach into this machine, and are dropped.
const LINK_SCHEMES = new Set(["http:", "https:", "mailto:"]);
const IMAGE_SCHEMES = new Set(["http:", "https:"]);

// The URL as the browser parses it (so that case, control characters and tabs hide nothing), null if it is dropped.
function safe_url(text, schemes) {
  try {
    const { protocol, href } = new URL(text);
    return schemes.has(protocol) ? href : null;
  } catch {
    return null; // not a URL, or a relative one that would lead into this page
  }
}

// A link; its label alone if the URL is dropped.
export function link(target, label, properties = {}) {
  const href = safe_url(target, LINK_SCHEMES);
  if (href === null) return element("span", {}, label);
  return element("a", { ...properties, href, target: "_blank", rel: "noopener noreferrer" }, label);
}

// Opens a link in a tab of its own, unless its URL is dropped.
export function open_link(target) {
  const href = safe_url(target, LINK_SCHEMES);
  if (href !== null) window.open(href, "_blank", "noopener,noreferrer");
}

// An image; its alt text if the URL is dropped.
export function safe_image(url, alt, properties = {}) {
  const src = safe_url(url, IMAGE_SCHEMES);
  return src === null ? element("span", { class: "small" }, alt ?? "") : element("img", { ...properties, src, alt });
}
