/* The reference problem solved by hand-written C: the method that immunoode uses (Tsitouras 5(4), first same as last, a
   proportional-integral rule for the step, output by the fourth-order interpolant, steps that end at doses only and whose size
   survives them), for this one model, with its size known to the compiler, rates inlined, constants of the patient computed
   once. The yardstick for what a general engine costs. */
#include <math.h>

#define N 10
enum {R, CAP, KILL, HALF_E, S, DE, PE, HT, SUPP, CL, V1, Q, V2, KD, CLC, VC, KC, KCE, KDY, AAG, DAG, KAG, KCAR, HC, PC, HCC,
      DC, RM, DM, PI_, DI, KI, BY_V1, BY_VC, BY_HALF_E, BY_HC, OUT, BACK, BY_CAP, LOST, LOST_CHEMO, TO_AG, CONSTANTS};

/* What stays the same for a patient is computed once. */
static void constants(const double *parameters, double *p) {
    for (int i = 0; i <= KI; i++) p[i] = parameters[i];
    p[BY_V1] = 1.0 / p[V1];
    p[BY_VC] = 1.0 / p[VC];
    p[BY_HALF_E] = 1.0 / p[HALF_E];
    p[BY_HC] = 1.0 / p[HC];
    p[OUT] = p[Q] / p[V1];
    p[BACK] = p[Q] / p[V2];
    p[BY_CAP] = 1.0 / p[CAP];
    p[LOST] = -p[CL] / p[V1];
    p[LOST_CHEMO] = -p[CLC] / p[VC];
    p[TO_AG] = p[AAG] * p[KDY];
}

#define INLINED static inline __attribute__((always_inline))

INLINED void rates(const double *restrict y, const double *restrict p, double *restrict d) {
    const double T = y[0], E = y[1], Ac = y[2], Ap = y[3], Cc = y[4], D = y[5], Ag = y[6], Ce = y[7], Cm = y[8], I = y[9];
    const double conc = Ac * p[BY_V1], chemo = Cc * p[BY_VC];
    const double activity = 1.0 - p[SUPP] * (1.0 - conc / (p[KD] + conc));
    const double by_E = p[KILL] * activity * E * T / (1.0 + E * p[BY_HALF_E]);
    const double by_chemo = p[KC] * chemo * T;
    const double by_car = p[KCAR] * Ce * T / (1.0 + T * p[BY_HC]);
    const double there = p[OUT] * Ac, back = p[BACK] * Ap;
    d[0] = p[R] * T * (1.0 - T * p[BY_CAP]) - by_E - by_chemo - by_car;
    d[1] = p[S] * (1.0 + Ag / (p[KAG] + Ag)) + p[PE] * activity * E * T / (p[HT] + T) * (1.0 + I / (p[KI] + I)) - p[DE] * E
           - p[KCE] * chemo * E;
    d[2] = p[LOST] * Ac - there + back;
    d[3] = there - back;
    d[4] = p[LOST_CHEMO] * Cc;
    d[5] = by_E + by_chemo + by_car - p[KDY] * D;
    d[6] = p[TO_AG] * D - p[DAG] * Ag;
    d[7] = p[PC] * Ce * T / (p[HCC] + T) - (p[DC] + p[RM]) * Ce;
    d[8] = p[RM] * Ce - p[DM] * Cm;
    d[9] = p[PI_] * E - p[DI] * I;
}

static const double A1 = 0.161, A20 = -0.008480655492356989, A21 = 0.335480655492357, A30 = 2.8971530571054935,
    A31 = -6.359448489975075, A32 = 4.3622954328695815, A40 = 5.325864828439257, A41 = -11.748883564062828,
    A42 = 7.4955393428898365, A43 = -0.09249506636175525, A50 = 5.86145544294642, A51 = -12.92096931784711,
    A52 = 8.159367898576159, A53 = -0.071584973281401, A54 = -0.028269050394068383, B0 = 0.09646076681806523, B1 = 0.01,
    B2 = 0.4798896504144996, B3 = 1.379008574103742, B4 = -3.290069515436081, B5 = 2.324710524099774,
    E0 = -0.00178001105222577714, E1 = -0.0008164344596567469, E2 = 0.007880878010261995, E3 = -0.1447110071732629,
    E4 = 0.5823571654525552, E5 = -0.45808210592918697, E6 = 0.015151515151515152;
static const double DENSE[7][4] = {
    {1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216},
    {0.0, 0.13169999999999998, -0.2234, 0.1017},
    {0.0, 3.930296236894751, -5.941033872131505, 2.490627285651253},
    {0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902},
    {0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928},
    {0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661},
    {0.0, 1.5, -4.0, 2.5}};

static double attempt(const double *restrict y, const double *restrict p, double h, double k[7][N], double *restrict trial,
                      double rtol, double atol) {
    double s[N], error = 0.0;
    for (int i = 0; i < N; i++) s[i] = y[i] + h * A1 * k[0][i];
    rates(s, p, k[1]);
    for (int i = 0; i < N; i++) s[i] = y[i] + h * (A20 * k[0][i] + A21 * k[1][i]);
    rates(s, p, k[2]);
    for (int i = 0; i < N; i++) s[i] = y[i] + h * (A30 * k[0][i] + A31 * k[1][i] + A32 * k[2][i]);
    rates(s, p, k[3]);
    for (int i = 0; i < N; i++) s[i] = y[i] + h * (A40 * k[0][i] + A41 * k[1][i] + A42 * k[2][i] + A43 * k[3][i]);
    rates(s, p, k[4]);
    for (int i = 0; i < N; i++)
        s[i] = y[i] + h * (A50 * k[0][i] + A51 * k[1][i] + A52 * k[2][i] + A53 * k[3][i] + A54 * k[4][i]);
    rates(s, p, k[5]);
    for (int i = 0; i < N; i++)
        trial[i] = y[i] + h * (B0 * k[0][i] + B1 * k[1][i] + B2 * k[2][i] + B3 * k[3][i] + B4 * k[4][i] + B5 * k[5][i]);
    rates(trial, p, k[6]);
    for (int i = 0; i < N; i++) {
        const double sum = E0 * k[0][i] + E1 * k[1][i] + E2 * k[2][i] + E3 * k[3][i] + E4 * k[4][i] + E5 * k[5][i]
                           + E6 * k[6][i];
        const double scaled = h * sum / (atol + rtol * fmax(fabs(y[i]), fabs(trial[i])));
        error += scaled * scaled;
    }
    return sqrt(error / N);
}

static void interpolant(const double *restrict y, double h, double k[7][N], double dense[5][N]) {
    for (int i = 0; i < N; i++) dense[0][i] = y[i];
    for (int q = 0; q < 4; q++)
        for (int i = 0; i < N; i++) {
            double sum = 0.0;
            for (int j = 0; j < 7; j++) sum += DENSE[j][q] * k[j][i];
            dense[q + 1][i] = h * sum;
        }
}

static double first_step(const double *y, const double *p, const double *slope, double rtol, double atol) {
    double d0 = 0.0, d1 = 0.0, d2 = 0.0, s[N], f[N];
    for (int i = 0; i < N; i++) {
        const double scale = atol + rtol * fabs(y[i]);
        d0 += (y[i] / scale) * (y[i] / scale);
        d1 += (slope[i] / scale) * (slope[i] / scale);
    }
    const double h = d0 < 1e-10 || d1 < 1e-10 ? 1e-6 : 0.01 * sqrt(d0 / d1);
    for (int i = 0; i < N; i++) s[i] = y[i] + h * slope[i];
    rates(s, p, f);
    for (int i = 0; i < N; i++) {
        const double scaled = (f[i] - slope[i]) / (atol + rtol * fabs(y[i]));
        d2 += scaled * scaled;
    }
    const double most = fmax(sqrt(d1 / N), sqrt(d2 / N) / h);
    const double second = most <= 1e-15 ? fmax(1e-6, h * 1e-3) : pow(0.01 / most, 0.2);
    return fmin(100 * h, second);
}

/* Doses: at event_times[e] state event_states[e] is multiplied by factors[e] and gets amounts[e]. Returns steps taken. */
int solve(const double *initial, const double *parameters, const double *times, int outputs, const double *event_times,
          const int *event_states, const double *amounts, const double *factors, int events, double rtol, double atol,
          double *out) {
    double p[CONSTANTS];
    constants(parameters, p);
    double k[7][N], y[N], trial[N], dense[5][N];
    double t = times[0], h = 0.0, previous = 1.0;
    const double end = times[outputs - 1];
    int e = 0, g = 0, steps = 0;
    for (int i = 0; i < N; i++) y[i] = initial[i];
    for (;;) {
        for (; e < events && event_times[e] <= t; e++) y[event_states[e]] = y[event_states[e]] * factors[e] + amounts[e];
        for (; g < outputs && times[g] <= t; g++)
            for (int i = 0; i < N; i++) out[g * N + i] = y[i];
        if (t >= end) return steps;
        const double stop = e < events ? fmin(end, event_times[e]) : end;
        rates(y, p, k[0]);
        if (h == 0.0) h = first_step(y, p, k[0], rtol, atol);
        while (t < stop) {
            const int last = 1.01 * h >= stop - t;
            const double step = last ? stop - t : h, error = attempt(y, p, step, k, trial, rtol, atol);
            steps++;
            if (!(error <= 1.0)) {
                h = step * (error < 1e300 ? fmax(0.2, 0.9 * pow(error, -0.2)) : 0.1);
                continue;
            }
            const double reached = last ? stop : t + step;
            if (g < outputs && times[g] <= reached) interpolant(y, step, k, dense);
            for (; g < outputs && (times[g] < reached || (times[g] == reached && reached < stop)); g++) {
                const double theta = (times[g] - t) / step;
                for (int i = 0; i < N; i++)
                    out[g * N + i] = dense[0][i] + theta * (dense[1][i] + theta * (dense[2][i] + theta * (dense[3][i]
                                     + theta * dense[4][i])));
            }
            const double factor = fmin(5.0, fmax(0.2, 0.9 * pow(error + 1e-10, -0.14) * pow(previous, 0.04)));
            previous = fmax(error, 1e-4);
            h = last ? fmax(h, step * factor) : step * factor;
            t = reached;
            for (int i = 0; i < N; i++) {
                y[i] = trial[i];
                k[0][i] = k[6][i];
            }
        }
    }
}
