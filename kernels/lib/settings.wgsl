// The settings buffer of an optimizer step, all f32, written by the host before every step:
//   0 learning-rate factor   1 beta1   2 beta2   3 epsilon   4 1 - beta1^t   5 1 - beta2^t   6 largest norm (0: no clipping)
//   7 sensitivity beta1   8 sensitivity beta2   9..15 unused
// then 4 numbers a slot (a rank-1 component, or a tensor of the head): learning rate, weight decay, trained (0 or 1), unused.
fn slot_learning_rate(slot: u32) -> f32 { return settings[16u + 4u * slot] * settings[0]; }
fn slot_weight_decay(slot: u32) -> f32 { return settings[17u + 4u * slot]; }
fn slot_is_trained(slot: u32) -> bool { return settings[18u + 4u * slot] != 0.0; }
