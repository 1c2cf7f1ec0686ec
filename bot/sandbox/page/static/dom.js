// The document: finding, making and keeping elements.

export const at = (id) => document.getElementById(id);

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

// Draw only what is another than before, so that nobody loses the place, the focus or a half-filled field.
export function keep(container, items, draw_one) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement?.dataset?.use;
  const inside = container.contains(document.activeElement);
  items.forEach(({ key, value }, nth) => {
    const sign = JSON.stringify(value);
    let child = before.get(key);
    if (!child || child.sign !== sign) {
      const made = draw_one(value);
      made.dataset.key = key;
      made.sign = sign;
      child?.replaceWith(made);
      child = made;
    }
    before.delete(key);
    if (container.children[nth] !== child) container.insertBefore(child, container.children[nth] ?? null);
  });
  before.forEach((child) => child.remove());
  if (inside && focused && !container.contains(document.activeElement)) {
    [...container.querySelectorAll("[data-use]")].find((each) => each.dataset.use === focused)?.focus();
  }
}
