// What the page knows (`seen`, of the server) and where the person is on it (`here`).

export const here = {
  place: null, // a channel's id, or "home"
  thread: null, // the ts of the message whose thread is open
};

export let seen = null; // the newest picture

export function see(picture) {
  seen = picture;
}

// People and channels by id, as `mrkdwn` and `blocks` want them.
export const world = {
  person: (id) => seen.people.find((each) => each.id === id)?.name ?? id,
  channel: (id) => seen.channels.find((each) => each.id === id)?.name ?? "private-channel",
};

export const channel_here = () => seen.channels.find((each) => each.id === here.place);

// Which pane a narrow window shows.
export function pane(name) {
  document.body.dataset.pane = name;
}
