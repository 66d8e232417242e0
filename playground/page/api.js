// Talks to the playground's control interface.

export class ApiError extends Error {}

async function request(path, options) {
  const response = await fetch(`/control/${path}`, options).catch(() => {
    throw new ApiError("Easel is not running. Start it, then reload this page.");
  });
  const body = await response
    .json()
    .catch(() => ({ message: `The playground answered ${response.status}.` }));
  if (!response.ok) throw new ApiError(body.message);
  return body;
}

export async function getJson(path, query = {}) {
  const parameters = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return request(`${path}?${new URLSearchParams(parameters)}`);
}

export async function postJson(path, body, files = []) {
  if (!files.length) {
    const headers = { "Content-Type": "application/json" };
    return request(path, { method: "POST", headers, body: JSON.stringify(body) });
  }
  const form = new FormData();
  form.append("payload_json", JSON.stringify(body));
  files.forEach((file, index) => form.append(`files[${index}]`, file, file.name));
  return request(path, { method: "POST", body: form });
}

// Follows an interaction until `accept` gives something; at the latest it has failed when its time is over.
export async function waitForInteraction(interaction, accept) {
  let since;
  while (true) {
    const answer = await getJson(`interactions/${interaction}`, { since });
    const found = accept(answer.interaction);
    if (found !== undefined) return found;
    since = answer.version;
  }
}

// The live connection; comes back by itself when the playground was restarted.
export class LiveConnection {
  constructor(onEvent, { onLost, onReconnect }) {
    this.onEvent = onEvent;
    this.onLost = onLost;
    this.onReconnect = onReconnect;
    this.socket = null;
  }

  // Resolves once events come, or the connection failed. What is read earlier may have changed without an event.
  connectAs(person) {
    this.person = person;
    this.socket?.close();
    const socket = new WebSocket(`ws://${location.host}/control/live?as=${encodeURIComponent(person)}`);
    this.socket = socket;
    socket.addEventListener("message", (message) => this.onEvent(JSON.parse(message.data)));
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.onLost();
      setTimeout(() => this.reconnect(socket), 1500);
    });
    return new Promise((resolve) => ["open", "close"].forEach((name) => socket.addEventListener(name, resolve)));
  }

  reconnect(closed) {
    if (this.socket !== closed) return;
    this.connectAs(this.person);
    this.socket.addEventListener("open", () => this.onReconnect());
  }
}
