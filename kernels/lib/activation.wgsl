// Activation functions and their derivatives. KIND: 0 gelu (exact), 1 gelu (tanh), 2 tanh, 3 relu, 4 silu.
override KIND: u32 = 0u;

// Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
fn erf(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - series * exp(-x * x));
}

// clamp, max and, once compiled, comparisons may swallow a NaN, and x != x does not find one: a diverged model must not look healthy.
fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// WGSL's own tanh may overflow for large arguments; f32 tanh is 1 from 10 on.
fn safe_tanh(x: f32) -> f32 {
  let e = exp(2.0 * clamp(x, -10.0, 10.0));
  return select((e - 1.0) / (e + 1.0), x, is_nan(x));
}

fn sigmoid(x: f32) -> f32 {
  return select(1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))), x, is_nan(x));
}

fn gelu_inner(x: f32) -> f32 {
  return 0.7978845608 * (x + 0.044715 * x * x * x);
}

fn activate(x: f32) -> f32 {
  switch KIND {
    case 0u: { return 0.5 * x * (1.0 + erf(x * 0.7071067812)); }
    case 1u: { return 0.5 * x * (1.0 + safe_tanh(gelu_inner(x))); }
    case 2u: { return safe_tanh(x); }
    case 3u: { return select(max(x, 0.0), x, is_nan(x)); }
    default: { return x * sigmoid(x); }
  }
}

fn activate_derivative(x: f32) -> f32 {
  switch KIND {
    case 0u: { return 0.5 * (1.0 + erf(x * 0.7071067812)) + x * 0.3989422804 * exp(-0.5 * x * x); }
    case 1u: {
      let t = safe_tanh(gelu_inner(x));
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.7978845608 * (1.0 + 3.0 * 0.044715 * x * x);
    }
    case 2u: { let t = safe_tanh(x); return 1.0 - t * t; }
    case 3u: { return select(0.0, 1.0, x > 0.0); }
    default: { let s = sigmoid(x); return s * (1.0 + x * (1.0 - s)); }
  }
}
