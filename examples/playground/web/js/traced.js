// SPDX-License-Identifier: MIT
// The network that is retraced, as the server tells it, with the names of what goes into it where they are shown.
import {session} from './api.js';

export async function readTraced(signal) {
  const traced = await session.get('traced', signal);
  if (traced.look !== 'values') return traced;
  const facts = await session.get('data/facts', signal).catch((error) => {
    if (error.name === 'AbortError') throw error;
    return {};  // numbers do for names
  });
  return {...traced, inputNames: facts.feature_names ?? [], standardized: Boolean(facts.standardized)};
}
