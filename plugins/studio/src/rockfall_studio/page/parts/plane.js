// Arrays as pictures on a canvas.

/** Draw a uint8 plane, (H, W), (H, W, 3) or (H, W, 4), on a canvas at one pixel a value. */
export function drawPlane(canvas, plane) {
  const [height, width, channels = 1] = plane.shape;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  const out = image.data;
  if (channels === 4) out.set(plane);
  else {
    for (let i = 0, from = 0; i < out.length; i += 4, from += channels) {
      out[i] = plane[from];
      out[i + 1] = plane[channels === 3 ? from + 1 : from];
      out[i + 2] = plane[channels === 3 ? from + 2 : from];
      out[i + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
