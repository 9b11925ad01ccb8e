/** How the settings of an optimizer step lie in their buffer. @module */

/** Numbers of the settings buffer that come before the slots; their meaning stands in kernels/lib/settings.wgsl. */
export const STEP_SETTINGS = 16;
/** Numbers a slot: learning rate, weight decay, trained (0 or 1), and Adam's bias corrections 1 − β1^t and 1 − β2^t, t being the slot's own step. */
export const SLOT_SETTINGS = 5;
