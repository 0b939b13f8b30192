// The wasm instance, which the gate and the denylist share.
//
// After a panic or a trap, the memory cannot be trusted, so a fresh instance serves the next request. Both surface as
// an exception from a call into wasm. Whatever waits at that moment belongs to the old instance.
import * as glue from "../../build/worker/playgate.js";
import module from "../../build/worker/playgate_bg.wasm";

glue.initSync({ module });
let number = 1;
let isBroken = false;

/** The number of the instance, counted from 1. */
export const instance = () => number;

/** Makes a call into wasm, and notes a failure. */
export function call(work) {
  try {
    return work();
  } catch (error) {
    isBroken = true;
    throw error;
  }
}

/** Whether what belongs to this instance is still good. */
export const isGood = (own) => !isBroken && own === number;

/** Replaces a broken instance. */
export function mend() {
  if (!isBroken) return;
  glue.__wbg_reset_state();
  number += 1;
  isBroken = false;
}

export { glue };
