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

/** get asks for a path below v1/ with a query. */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return answer(await fetch(`v1/${path}${search}`, {headers: headers(), cache: "no-store"}));
}

/** change posts or deletes. */
export async function change(method, path, body) {
  return answer(await fetch(`v1/${path}`, {
    method,
    headers: headers({"Content-Type": "application/json"}),
    body: body === undefined ? undefined : JSON.stringify(body),
  }));
}

/** follow calls heard(event, data) for what the server sends, and ends when the connection does. It is no EventSource,
 * which cannot send a token. */
export async function follow(after, heard, signal) {
  const response = await fetch(`v1/stream?after=${after}`, {headers: headers({Accept: "text/event-stream"}), cache: "no-store", signal});
  if (!response.ok) await answer(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      let event = "message";
      let data = "";
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) heard(event, JSON.parse(data));
    }
  }
}
