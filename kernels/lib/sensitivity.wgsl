// Smoothed sensitivity (AdaLoRA; our reading for HAFL): I = |w g| with w before the optimizer moves it and g before clipping,
// mean <- beta1 mean + (1 - beta1) I, deviation <- beta2 deviation + (1 - beta2) |I - mean| with the new mean.
fn smooth_sensitivity(previous: vec2<f32>, w: f32, g: f32, beta1: f32, beta2: f32) -> vec2<f32> {
  let sensitivity = abs(w * g);
  let mean = beta1 * previous.x + (1.0 - beta1) * sensitivity;
  return vec2<f32>(mean, beta2 * previous.y + (1.0 - beta2) * abs(sensitivity - mean));
}
