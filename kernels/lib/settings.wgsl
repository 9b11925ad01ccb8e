// The settings buffer of an optimizer step, all f32, written by the host before every step:
//   0 learning-rate factor   1 beta1   2 beta2   3 epsilon   4 mu of the proximal term   6 largest norm (0: no clipping)
//   7 sensitivity beta1   8 sensitivity beta2   5, 9..15 unused
// then 5 numbers a slot (a rank-1 component, or a tensor of the head): learning rate, weight decay, trained (0 or 1), 1 - beta1^t, 1 - beta2^t,
// where t counts the steps in which the slot was trained since its moments were zero, this one included.
fn slot_learning_rate(slot: u32) -> f32 { return settings[16u + 5u * slot] * settings[0]; }
fn slot_weight_decay(slot: u32) -> f32 { return settings[17u + 5u * slot]; }
fn slot_is_trained(slot: u32) -> bool { return settings[18u + 5u * slot] != 0.0; }
fn slot_correction1(slot: u32) -> f32 { return settings[19u + 5u * slot]; }
fn slot_correction2(slot: u32) -> f32 { return settings[20u + 5u * slot]; }
