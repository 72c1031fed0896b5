// Sums of latents, as `rockfall blend` makes them. In many dimensions noise lies about a sphere, and a
// sum of it is brought back there: White 2016, "Sampling Generative Networks", arXiv 1609.04468.

const MIN_SINE = 1e-3;
const NEAREST = 8;

export function norm(values) {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** Σ weight · latents of [weight, latents] pairs; spherical: brought to the mean of their norms. */
export function sum(terms, spherical) {
  const total = new Float32Array(terms[0][1].length);
  let radius = 0;
  let shares = 0;
  for (const [weight, latents] of terms) {
    for (let i = 0; i < total.length; i++) total[i] += weight * latents[i];
    radius += Math.abs(weight) * norm(latents);
    shares += Math.abs(weight);
  }
  return spherical ? scaled(total, radius / Math.max(shares, 1e-12)) : total;
}

/** The same direction with this norm. */
export function scaled(values, radius) {
  const factor = radius / Math.max(norm(values), 1e-12);
  return values.map((value) => value * factor);
}

/** From one to the other, share 0 … 1: on a straight path, or evenly in the angle and in the norm. */
export function between(first, last, share, spherical) {
  const straight = () => sum([[1 - share, first], [share, last]], false);
  if (!spherical) return straight();
  const norms = [norm(first), norm(last)];
  const directions = [scaled(first, 1), scaled(last, 1)];
  const cosine = directions[0].reduce((total, value, i) => total + value * directions[1][i], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (Math.sin(angle) < MIN_SINE) return straight();
  const weight = (part) => Math.sin(part * angle) / Math.sin(angle);
  const turned = sum([[weight(1 - share), directions[0]], [weight(share), directions[1]]], false);
  return turned.map((value) => value * ((1 - share) * norms[0] + share * norms[1]));
}

/** At a place of a map: the nearest pictures' latents, each the more the nearer (Shepard 1968, "A
two-dimensional interpolation function for irregularly-spaced data"); at a picture, its own.

points (N, 2) and latents (N, D) as planes. */
export function at(x, y, points, latents, spherical) {
  const size = latents.shape[1];
  const near = Array.from({ length: points.shape[0] }, (_, i) => [
    (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2,
    latents.subarray(i * size, (i + 1) * size),
  ])
    .sort((one, other) => one[0] - other[0])
    .slice(0, NEAREST);
  if (near[0][0] < 1e-12) return new Float32Array(near[0][1]);
  const weights = near.map(([distance]) => 1 / distance);
  const all = weights.reduce((total, weight) => total + weight, 0);
  return sum(near.map(([, each], i) => [weights[i] / all, each]), spherical);
}
