/* Double arithmetic on the x87 stack: the Mandelbrot set, planets in orbit, and sums with divide and square root. */
#include "bench.h"

const char bench_name[] = "x87";

enum { WIDTH = 320, HEIGHT = 100, ESCAPE = 60, STEPS = 90000, BODIES = 4 };
struct body { double x, y, z, vx, vy, vz, mass; };

static double square_root(double value) {
  double root;
  __asm__("fsqrt" : "=t"(root) : "0"(value));
  return root;
}

static NOINLINE u32 mandelbrot(void) {
  u32 inside = 0;
  for (u32 row = 0; row < HEIGHT; row++)
    for (u32 column = 0; column < WIDTH; column++) {
      double cx = column * 3.0 / WIDTH - 2.25, cy = row * 2.0 / HEIGHT - 1.0, x = 0, y = 0;
      u32 step = 0;
      for (; step < ESCAPE && x * x + y * y < 4.0; step++) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
      }
      inside += step;
    }
  return inside;
}

static NOINLINE void advance(struct body *bodies, double dt) {
  for (u32 i = 0; i < BODIES; i++)
    for (u32 j = i + 1; j < BODIES; j++) {
      struct body *a = &bodies[i], *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double magnitude = dt / (square * square_root(square));
      a->vx -= dx * b->mass * magnitude, a->vy -= dy * b->mass * magnitude, a->vz -= dz * b->mass * magnitude;
      b->vx += dx * a->mass * magnitude, b->vy += dy * a->mass * magnitude, b->vz += dz * a->mass * magnitude;
    }
  for (u32 i = 0; i < BODIES; i++) {
    bodies[i].x += dt * bodies[i].vx;
    bodies[i].y += dt * bodies[i].vy;
    bodies[i].z += dt * bodies[i].vz;
  }
}

u32 bench_round(void) {
  struct body bodies[BODIES] = {
    {0, 0, 0, 0, 0, 0, 10}, {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.03},
    {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.01}, {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.002}
  };
  u32 checksum = fold(CHECKSUM_SEED, mandelbrot());
  for (u32 step = 0; step < STEPS; step++) advance(bodies, 0.001);
  /* Only leading digits enter the checksum: engines that keep 53 bits where the x87 has 64 differ in the last ones. */
  for (u32 i = 0; i < BODIES; i++) checksum = fold(checksum, (u32)(s32)(bodies[i].x * 1000 + bodies[i].y * 100));
  return checksum;
}
