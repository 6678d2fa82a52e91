// SPDX-License-Identifier: MIT
// What neurons do for each class, as the server has it; of a large network it has to be worked out first.
import {latest, session} from './api.js';

/** reader(page, loaded, failed): {read(query), event(name, data), stop()}. read asks for "class=3" or "place=relu1",
 * loaded(profiles, query) is called with the answer to the latest question, failed(message, waiting) otherwise. */
export function profileReader(page, loaded, failed) {
  let wanted = null;
  const reading = latest();
  let waits = false, missed = false;  // other work, an answer

  async function read(query) {
    wanted = query;
    const signal = reading.next();
    missed = false;
    try {
      const told = await session.get(`profiles?${query}`, signal);
      if (signal.aborted) return;
      waits = told.computed === false;
      if (!waits) return loaded(told, query);
      failed('What every neuron does for each class is being worked out …', true);
      await page.begin(() => session.post('profiles'));
    } catch (error) {
      if (error.name === 'AbortError' || signal.aborted) return;
      const busy = error.kind === 'busy';
      missed = error.kind === 'no_answer';
      failed(busy ? 'Other work is running: the class profiles have to wait for it.' : error.message, busy);
    }
  }
  return {
    read,
    event(name, data) {
      if (name === 'again' && missed) read(wanted);
      if (name !== 'job' || !waits) return;
      if (data.state === 'cancelled' && data.kind === 'profiles') {
        waits = false;
        failed('The class profiles were cancelled.', false);
      } else if (['done', 'failed', 'cancelled'].includes(data.state)) read(wanted);
    },
    stop: reading.end,
  };
}
