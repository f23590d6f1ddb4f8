// What asks the admin API. The token is kept in this tab only.

const tokenKey = "failover-token";

export function token() { return sessionStorage.getItem(tokenKey) ?? ""; }

export function useToken(text) {
  if (text) sessionStorage.setItem(tokenKey, text);
  else sessionStorage.removeItem(tokenKey);
}

function headers(more = {}) {
  return token() ? {Authorization: `Bearer ${token()}`, ...more} : more;
}

/** Refused is an answer that is not what was asked for. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.field ? `${body.field}: ${body.error}` : body.error);
    this.status = status;
  }
}

async function answer(response) {
  if (response.ok) return response.status === 204 ? null : response.json();
  let body = {error: `the server says ${response.status} ${response.statusText}`};
  try {
    body = await response.json();
  } catch {
    // It was not from the API; the status will have to do.
  }
  throw new Refused(response.status, body);
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("the server cannot be reached");
  }
  return answer(response);
}

/** get asks for a path below v1/ with a query. */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return ask(`v1/${path}${search}`, {headers: headers(), cache: "no-store"});
}

/** change posts or deletes. */
export async function change(method, path, body) {
  return ask(`v1/${path}`, {
    method,
    headers: headers({"Content-Type": "application/json"}),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

// The server says something every 15 seconds. A connection that is silent for longer is one that nobody has told us the
// end of.
const silence = 40_000;

/** follow calls heard(event, data) for what the server sends, and ends when the connection does. It is no EventSource,
 * which cannot send a token. */
export async function follow(after, heard) {
  const connection = new AbortController();
  const silent = () => connection.abort(new Error("the server is silent"));
  let watchdog = setTimeout(silent, silence);
  try {
    const response = await fetch(`v1/stream?after=${after}`,
      {headers: headers({Accept: "text/event-stream"}), cache: "no-store", signal: connection.signal});
    if (!response.ok) await answer(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(silent, silence);
      rest += value;
      const messages = rest.split("\n\n");
      rest = messages.pop();
      messages.forEach((message) => read(message, heard));
    }
  } finally {
    clearTimeout(watchdog);
  }
}

/** read takes a message of a stream apart. */
function read(message, heard) {
  let event = "message";
  let data = "";
  for (const line of message.split("\n")) {
    if (line.startsWith("event: ")) event = line.slice(7);
    if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (data) heard(event, JSON.parse(data));
}
