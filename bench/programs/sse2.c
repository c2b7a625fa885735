/*
 * SSE and SSE2, as compilers emit them and as media code uses them: scalar doubles and floats, packed ones with masks,
 * packed integers. Every operation here is exact by IEEE 754, so all bits of the results enter the checksum.
 */
#include "bench.h"

const char bench_name[] = "sse2";
/* CPUID.01H:EDX: FXSR, SSE, SSE2. */
const struct cpu_feature bench_feature = {1u << 24 | 1u << 25 | 1u << 26, "SSE2"};

enum { WIDTH = 160, HEIGHT = 256, ESCAPE = 48, STEPS = 120000, BODIES = 4, TERMS = 4096, DOT_PASSES = 440 };
enum { PIXELS = 16384, BLEND_PASSES = 120 };
typedef double f64x2 __attribute__((vector_size(16)));
typedef float f32x4 __attribute__((vector_size(16)));
typedef s64 s64x2 __attribute__((vector_size(16)));
typedef s32 s32x4 __attribute__((vector_size(16)));
typedef short s16x8 __attribute__((vector_size(16)));
typedef u16 u16x8 __attribute__((vector_size(16)));
typedef char s8x16 __attribute__((vector_size(16)));

static u32 fold_double(u32 checksum, double value) {
  union { double number; u32 words[2]; } bits = {value};
  return fold(fold(checksum, bits.words[0]), bits.words[1]);
}

static double square_root(double value) {
  double root;
  __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(value));
  return root;
}

/* Four points at a time: MULPS, CMPPS, ANDPS, and MOVMSKPS to see whether one is left. */
static NOINLINE u32 mandelbrot(void) {
  u32 total = 0;
  for (u32 row = 0; row < HEIGHT; row++)
    for (u32 column = 0; column < WIDTH; column += 4) {
      f32x4 index = {column, column + 1, column + 2, column + 3};
      f32x4 cx = index * (3.0f / WIDTH) - 2.25f, x = {0}, y = {0};
      float cy = row * 2.0f / HEIGHT - 1.0f;
      s32x4 counts = {0};
      for (u32 step = 0; step < ESCAPE; step++) {
        f32x4 xx = x * x, yy = y * y;
        s32x4 inside = xx + yy < 4.0f;
        if (__builtin_ia32_movmskps((f32x4)inside) == 0) break;
        counts -= inside;
        y = (x + x) * y + cy;
        x = xx - yy + cx;
      }
      total += counts[0] + counts[1] * 3 + counts[2] * 5 + counts[3] * 7;
    }
  return total;
}

struct body { double x, y, z, vx, vy, vz, mass; };

/* Scalar doubles: MULSD, ADDSD, DIVSD, SQRTSD. */
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

/* Packed doubles, scalar conversions (CVTSI2SD, CVTTSD2SI, CVTSD2SS) and comparisons (COMISD). */
static NOINLINE u32 dot_products(u32 checksum) {
  static f64x2 left[TERMS / 2], right[TERMS / 2];
  u32 seed = 51;
  for (u32 i = 0; i < TERMS / 2; i++) {
    left[i] = (f64x2){(s32)next_random(&seed), (s32)next_random(&seed)} * (1.0 / 65536);
    right[i] = (f64x2){(s32)next_random(&seed), (float)(s32)next_random(&seed)} * (1.0 / 65536);
  }
  for (u32 pass = 0; pass < DOT_PASSES; pass++) {
    f64x2 sum = {0}, scale = {1.0 / (pass + 1), 0.5};
    u32 above = 0;
    for (u32 i = 0; i < TERMS / 2; i++) {
      sum += left[i] * right[i];
      left[i] = right[i] - left[i] * scale;
      if (left[i][0] > right[i][1]) above++;
    }
    checksum = fold_double(fold_double(checksum, sum[0]), sum[1]);
    checksum = fold(checksum, above + (u32)(s32)(left[pass][1] * 0.25));
  }
  return checksum;
}

/* Pixels of four bytes, mixed by eighths and summed up: PUNPCK, PMULLW, PSRLW, PACKUSWB, PADDUSB, PSADBW. */
static NOINLINE u32 blend(u32 checksum) {
  static s8x16 over[PIXELS / 4], under[PIXELS / 4];
  const s8x16 zero = {0};
  u32 seed = 53;
  for (u32 i = 0; i < PIXELS; i++) {
    ((u32 *)over)[i] = next_random(&seed);
    ((u32 *)under)[i] = next_random(&seed);
  }
  for (u32 pass = 0; pass < BLEND_PASSES; pass++) {
    u16 share = 1 + pass % 7;
    s64x2 sum = {0};
    for (u32 i = 0; i < PIXELS / 4; i++) {
      u16x8 low_over = (u16x8)__builtin_ia32_punpcklbw128(over[i], zero);
      u16x8 high_over = (u16x8)__builtin_ia32_punpckhbw128(over[i], zero);
      u16x8 low_under = (u16x8)__builtin_ia32_punpcklbw128(under[i], zero);
      u16x8 high_under = (u16x8)__builtin_ia32_punpckhbw128(under[i], zero);
      u16x8 low = (low_over * share + low_under * (u16)(8 - share)) >> 3;
      u16x8 high = (high_over * share + high_under * (u16)(8 - share)) >> 3;
      s8x16 mixed = __builtin_ia32_packuswb128((s16x8)low, (s16x8)high);
      sum += (s64x2)__builtin_ia32_psadbw128(mixed, under[i]);
      under[i] = __builtin_ia32_paddusb128(mixed, over[i] & 15);
    }
    checksum = fold(fold(checksum, (u32)(sum[0] + sum[1])), ((u32 *)under)[pass * 97]);
  }
  return checksum;
}

u32 bench_round(void) {
  struct body bodies[BODIES] = {
    {0, 0, 0, 0, 0, 0, 10}, {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.03},
    {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.01}, {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.002}
  };
  u32 checksum = fold(CHECKSUM_SEED, mandelbrot());
  for (u32 step = 0; step < STEPS; step++) advance(bodies, 0.001);
  for (u32 i = 0; i < BODIES; i++) checksum = fold_double(fold_double(checksum, bodies[i].x), bodies[i].y);
  return blend(dot_products(checksum));
}
