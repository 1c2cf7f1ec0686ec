// URLs from outside, in links, buttons and images. Those that run scripts or reach into this machine are dropped.

import { element } from "./dom.js";

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

// An image; its alt text if the URL is dropped.
export function safe_image(url, alt, properties = {}) {
  const src = safe_url(url, IMAGE_SCHEMES);
  return src === null ? element("span", { class: "small" }, alt ?? "") : element("img", { ...properties, src, alt });
}
