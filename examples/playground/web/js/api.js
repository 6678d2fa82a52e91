// SPDX-License-Identifier: MIT
// Talks to the server: requests with the token, the session of this tab, the stream of its events.

const address = new URL(location.href);
const storage = sessionStorage;  // of this tab alone
if (address.searchParams.has('token')) {
  if (storage.getItem('token') !== address.searchParams.get('token')) storage.removeItem('session');  // of another server
  storage.setItem('token', address.searchParams.get('token'));
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}
const token = storage.getItem('token');

/** What went wrong: status 0 when the server did not answer at all. */
export class ApiError extends Error {
  constructor(status, kind, message) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** report: called with each error that concerns the whole page: no server, no token, no session. answered: with every
 * answer. */
export const trouble = {report: () => {}, answered: () => {}};

async function ask(path, {method = 'GET', body, type, signal} = {}) {
  let response;
  try {
    response = await fetch(path, {method, body, signal, cache: 'no-store',
      headers: {'X-Renn-Token': token ?? '', ...(type ? {'Content-Type': type} : {})}});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    const failed = new ApiError(0, 'no_answer', 'The playground does not answer. Is the program still running?');
    trouble.report(failed);
    throw failed;
  }
  trouble.answered();
  if (response.ok) return response;
  let told = {kind: 'internal', message: response.statusText};
  try {
    told = (await response.json()).error;
  } catch { /* not from our handlers */ }
  const failed = new ApiError(response.status, told.kind, told.message);
  if (['token', 'session_dropped', 'unknown_session'].includes(told.kind)) trouble.report(failed);
  throw failed;
}

const json = async (path, method, value, signal) => (await ask(path, {
  method, signal, ...(value === undefined ? {} : {body: JSON.stringify(value), type: 'application/json'})})).json();

/** Whether no other page has the session: a tab that is duplicated takes along what the first one keeps. The lock ends
 * with the page, at a reload a moment later. */
const alone = (id) => new Promise((tell) => {
  navigator.locks.request(`session ${id}`, {signal: AbortSignal.timeout(1000)}, () => {
    tell(true);
    return new Promise(() => {});
  }).catch(() => tell(false));
});

/** Questions of which only the last one counts: next() gives it its signal and ends the one before, end() ends it too. */
export function latest() {
  let now = new AbortController();
  const end = () => now.abort();
  return {end, next() {
    end();
    now = new AbortController();
    return now.signal;
  }};
}

/** This tab's session: every path is relative to it. */
export const session = {
  id: null,
  lost: null,  // why that of before a reload is gone

  /** The session of before a reload, else a new one; its state. */
  async open() {
    const kept = storage.getItem('session');
    if (kept && await alone(kept)) {
      try {
        const state = await json(`/api/sessions/${kept}`, 'GET');
        this.id = kept;
        return state;
      } catch (error) {
        if (error.status !== 404 && error.status !== 410) throw error;
        this.lost = error.message;
      }
    }
    const state = await json('/api/sessions', 'POST');
    this.id = state.session;
    storage.setItem('session', this.id);
    alone(this.id);
    return state;
  },
  /** A reload begins a new one. */
  forget: () => storage.removeItem('session'),

  get: (path, signal) => json(`/api/sessions/${session.id}/${path}`, 'GET', undefined, signal),
  post: (path, value = {}, signal) => json(`/api/sessions/${session.id}/${path}`, 'POST', value, signal),
  put: (path, value, signal) => json(`/api/sessions/${session.id}/${path}`, 'PUT', value, signal),
  /** A body that is not JSON. */
  upload: async (path, body, type = 'application/octet-stream', signal = undefined) =>
    (await ask(`/api/sessions/${session.id}/${path}`, {method: 'POST', body, type, signal})).json(),
  /** The same, telling the part that has been sent (0 to 1); ends by the signal. */
  uploadWatched: (path, body, {type = 'application/octet-stream', progress = () => {}, signal = null} = {}) =>
    new Promise((done, failed) => {
      const request = new XMLHttpRequest();  // fetch does not tell how far it has come
      const no = (status, kind, message) => failed(new ApiError(status, kind, message));
      request.open('POST', `/api/sessions/${session.id}/${path}`);
      request.setRequestHeader('X-Renn-Token', token ?? '');
      request.setRequestHeader('Content-Type', type);
      request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 0);
      request.onload = () => {
        let told = null;
        try {
          told = JSON.parse(request.responseText);
        } catch { /* not from our handlers */ }
        if (request.status < 300 && told) done(told);
        else no(request.status, told?.error?.kind ?? 'internal', told?.error?.message ?? request.statusText);
      };
      request.onerror = () => no(0, 'no_answer', 'The playground does not answer, or refused the file while it came.');
      request.onabort = () => failed(new DOMException('cancelled', 'AbortError'));
      signal?.addEventListener('abort', () => request.abort());
      request.send(body);
    }),
  /** Saves an answer as a file, named by the server. */
  async download(path, value) {
    const response = await ask(`/api/sessions/${session.id}/${path}`, value === undefined ? {} :
      {method: 'POST', body: JSON.stringify(value), type: 'application/json'});
    const name = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? 'renn';
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
};

export const about = () => json('/api/about', 'GET');
/** Cards of the data sets that come with the program, and what own data may have. */
export const datasets = () => json('/api/datasets', 'GET');

const shown = () => document.visibilityState !== 'hidden';
/** Until the tab is shown. */
const showing = () => new Promise((go) => {
  const look = () => {
    if (!shown()) return;
    document.removeEventListener('visibilitychange', look);
    go();
  };
  document.addEventListener('visibilitychange', look);
  look();
});

/** Calls heard(name, data) for every event of the session, and up(true or false) as the stream begins and breaks; goes
 * on until the server knows neither the page nor its session: up(false, kind). (EventSource could not send the token.)
 * Browsers allow six connections to a server, all tabs together, so a tab that is not seen gives its own back; when it is
 * shown again, the stream begins with the state as it is. */
export async function listen(heard, up) {
  for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
    await showing();
    const stop = new AbortController();
    const hide = () => { if (!shown()) stop.abort(); };
    document.addEventListener('visibilitychange', hide);
    try {
      const response = await ask(`/api/sessions/${session.id}/events`, {signal: stop.signal});
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      wait = 500;
      up(true);
      for (let text = ''; ;) {
        const {done, value} = await reader.read();
        if (done) break;
        text += value;
        for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
          const [, name] = /^event: (.*)$/m.exec(text.slice(0, end)) ?? [];
          const [, data] = /^data: (.*)$/m.exec(text.slice(0, end)) ?? [];
          if (name) heard(name, JSON.parse(data));
          if (name === 'dropped') return up(false, 'session_dropped');
        }
      }
    } catch (error) {  // told by ask
      if (['token', 'session_dropped', 'unknown_session'].includes(error.kind)) return up(false, error.kind);
    } finally {
      document.removeEventListener('visibilitychange', hide);
    }
    if (stop.signal.aborted) {
      wait = 500;
      continue;
    }
    up(false);
    await new Promise((go) => setTimeout(go, wait));
  }
}
