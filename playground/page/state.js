// What the page knows: who one acts as, where one is, and the world around.

export const state = {
  world: null, // answer of /control/world for the person
  person: null, // id
  channel: null, // id
  commands: [], // offered in this channel
  unavailable: {}, // slash commands that are not: name -> reason
  unread: new Set(), // channel ids
};

export function visibleChannels() {
  if (!state.world) return [];
  return [...state.world.guilds.flatMap((guild) => guild.channels), ...state.world.direct];
}

export function currentChannel(id = state.channel) {
  return visibleChannels().find((one) => one.id === id);
}

export function currentGuild() {
  return state.world?.guilds.find((guild) => guild.channels.some((one) => one.id === state.channel));
}

export function userName(userId) {
  return state.world?.names[userId] ?? "somebody";
}

// A command's words in the language of the person, where the bot registered them.
export function localized(thing, key) {
  return thing[`${key}_localizations`]?.[state.world.me.locale] ?? thing[key];
}

export function saveLocation() {
  const person = state.world.people.find((one) => one.id === state.person);
  history.replaceState(null, "", `#${new URLSearchParams({ as: person.name, channel: state.channel })}`);
}

export function readLocation() {
  const saved = new URLSearchParams(location.hash.slice(1));
  return { person: saved.get("as") ?? "Ada", channel: saved.get("channel") };
}
