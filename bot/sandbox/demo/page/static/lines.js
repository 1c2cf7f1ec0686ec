// A list of messages, however long: the newest are drawn, earlier ones when somebody asks for them.

import { element, keep } from "./dom.js";

const NEWEST = 100;
const MORE = 200;
const NEAR_PIXELS = 80;

export class Lines {
  constructor(list, draw_one) {
    Object.assign(this, { list, draw_one, items: [], first: "", top: 0 });
    this.begin();
    list.addEventListener("scroll", () => { this.is_pinned = this.stays_at_end(); });
    new ResizeObserver(() => this.follow()).observe(list); // hints and threads take some of its place
    list.addEventListener("load", () => this.follow(), true); // pictures come later than their messages
  }

  // Show the end at the next drawing: it is another channel, or another thread.
  begin() {
    this.is_pinned = this.is_new = true;
  }

  // Draw items as `keep` takes them, by ts, oldest first. Whoever looks at the end stays there; others keep their place.
  draw(items) {
    this.items = items;
    this.is_pinned = this.is_new || this.stays_at_end();
    this.is_new = false;
    this.paint(this.is_pinned ? Math.max(0, items.length - NEWEST) : Math.max(0, items.findIndex(([ts]) => ts >= this.first)));
  }

  paint(start) {
    this.first = this.items[start]?.[0] ?? "";
    const above = start ? [["earlier", start]] : [];
    keep(this.list, [...above, ...this.items.slice(start)], (...values) => (typeof values[0] === "number" ? this.button(...values) : this.draw_one(...values)));
    this.follow();
  }

  button(count) {
    const show = () => {
      const below = this.list.scrollHeight - this.list.scrollTop;
      this.is_pinned = false;
      this.paint(Math.max(0, count - MORE));
      this.list.scrollTop = this.list.scrollHeight - below;
    };
    return element("button", { class: "quiet earlier", "data-use": "earlier", onclick: show }, `Show earlier messages (${count.toLocaleString()})`);
  }

  follow() {
    if (this.is_pinned) this.list.scrollTop = this.list.scrollHeight;
    this.top = this.list.scrollTop;
  }

  // Only somebody who scrolls up leaves the end: where the list shrinks or its lines grow, nobody did.
  stays_at_end() {
    return this.is_near_end() || (this.is_pinned && this.list.scrollTop >= this.top);
  }

  is_near_end() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_PIXELS;
  }
}
