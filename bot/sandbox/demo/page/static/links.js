// Addresses that come from outside: of links, buttons and pictures. Whatever runs or reaches into this machine is dropped.

import { element } from "./dom.js";

const OPENS = new Set(["http:", "https:", "mailto:"]);
const SHOWS = new Set(["http:", "https:"]);

// The address as the browser itself reads it (so that case, control characters and tabs hide nothing), null where it is dropped.
function address(text, schemes) {
  try {
    const { protocol, href } = new URL(text);
    return schemes.has(protocol) ? href : null;
  } catch {
    return null; // no address, or one that begins nowhere: it would lead into this page
  }
}

// A link with its label; the label alone where the address is dropped.
export function link(target, label, properties = {}) {
  const href = address(target, OPENS);
  if (href === null) return element("span", {}, label);
  return element("a", { ...properties, href, target: "_blank", rel: "noopener noreferrer" }, label);
}

// A picture; what it shows, in words, where its address is dropped.
export function picture(url, alt, properties = {}) {
  const src = address(url, SHOWS);
  return src === null ? element("span", { class: "small" }, alt ?? "") : element("img", { ...properties, src, alt });
}
