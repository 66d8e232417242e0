// Talks to the playground's control interface.

export class Refused extends Error {}

async function answerOf(response) {
  const body = await response
    .json()
    .catch(() => ({ message: `The playground answered ${response.status}.` }));
  if (!response.ok) throw new Refused(body.message);
  return body;
}

export async function ask(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return answerOf(await fetch(`/control/${path}?${new URLSearchParams(given)}`));
}

export async function order(path, body, files = []) {
  if (!files.length) {
    const headers = { "Content-Type": "application/json" };
    return answerOf(await fetch(`/control/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
  }
  const form = new FormData();
  form.append("payload_json", JSON.stringify(body));
  files.forEach((file, index) => form.append(`files[${index}]`, file, file.name));
  return answerOf(await fetch(`/control/${path}`, { method: "POST", body: form }));
}

// Follows an interaction until `judge` gives something or the time is over.
export async function follow(interaction, judge, milliseconds) {
  const end = Date.now() + milliseconds;
  let since;
  while (Date.now() < end) {
    const timeout = since === undefined ? undefined : Math.max(0.1, (end - Date.now()) / 1000);
    const answer = await ask(`interactions/${interaction}`, { since, timeout });
    const found = judge(answer.interaction);
    if (found !== undefined) return found;
    since = answer.version;
  }
  return undefined;
}

// The live connection; comes back by itself when the playground was restarted.
export class Live {
  constructor(onEvent, onReturn) {
    this.onEvent = onEvent;
    this.onReturn = onReturn;
    this.socket = null;
  }

  listenAs(person) {
    this.person = person;
    this.socket?.close();
    const socket = new WebSocket(`ws://${location.host}/control/live?as=${encodeURIComponent(person)}`);
    this.socket = socket;
    socket.addEventListener("message", (message) => this.onEvent(JSON.parse(message.data)));
    socket.addEventListener("close", () => {
      if (this.socket === socket) setTimeout(() => this.comeBack(socket), 1500);
    });
  }

  comeBack(lost) {
    if (this.socket !== lost) return;
    this.listenAs(this.person);
    this.socket.addEventListener("open", () => this.onReturn());
  }
}
