# Answers of R to the comparisons of tests/test_survival_comparisons.py, as JSON.
# Rscript tests/reference/survival.R tests/veteran.csv > tests/reference/survival_by_r.json
# Written with R 4.2.2, survival 3.5-3, cmprsk 2.2-11, mvtnorm 1.1-3.
suppressMessages({library(survival); library(cmprsk); library(mvtnorm)})
set.seed(1)
d <- read.csv(commandArgs(trailingOnly = TRUE)[1])
d$cause <- ifelse(d$event == 0, 0, ifelse(d$prior > 0, 2, 1))
number <- function(x) paste0("[", paste(format(x, digits = 15), collapse = ", "), "]")
say <- function(name, x, last = FALSE) cat(sprintf('  "%s": %s%s\n', name, number(x), if (last) "" else ","))

# Weighted log-rank statistics by the counting process, one row per weight (rho, gamma)
weights <- rbind(c(0, 0), c(0, 1), c(1, 0), c(1, 1))
scores <- function(d) {
  times <- sort(unique(d$time[d$event == 1]))
  km <- summary(survfit(Surv(time, event) ~ 1, data = d), times = times)$surv
  before <- c(1, km[-length(km)])
  n <- sapply(times, function(t) sum(d$time >= t)); n1 <- sapply(times, function(t) sum(d$time >= t & d$trt == 1))
  e <- sapply(times, function(t) sum(d$time == t & d$event == 1))
  e1 <- sapply(times, function(t) sum(d$time == t & d$event == 1 & d$trt == 1))
  v <- ifelse(n > 1, e * (n1 / n) * (1 - n1 / n) * (n - e) / (n - 1), 0)
  w <- apply(weights, 1, function(p) before^p[1] * (1 - before)^p[2])
  list(u = colSums(w * (e1 - e * n1 / n)), v = t(w) %*% (w * v))
}
combine <- function(parts) list(u = Reduce(`+`, lapply(parts, `[[`, "u")), v = Reduce(`+`, lapply(parts, `[[`, "v")))
max_combo <- function(s) {
  z <- -s$u / sqrt(diag(s$v)); k <- length(z); exact <- GenzBretz(maxpts = 500000, abseps = 1e-7)
  two <- 1 - pmvnorm(rep(-max(abs(z)), k), rep(max(abs(z)), k), corr = cov2cor(s$v), algorithm = exact)
  one <- 1 - pmvnorm(rep(-Inf, k), rep(max(z), k), corr = cov2cor(s$v), algorithm = exact)
  list(z = z, p = c(two, one), corr = cov2cor(s$v))
}
plain <- max_combo(scores(d)); by_cell <- max_combo(combine(lapply(split(d, d$celltype), scores)))

cat("{\n")
y <- Surv(d$time, d$event)
say("log_rank", survdiff(y ~ trt, d)$chisq)
say("peto", survdiff(y ~ trt, d, rho = 1)$chisq)
say("stratified", survdiff(y ~ trt + strata(celltype), d)$chisq)
say("stratified_peto", survdiff(y ~ trt + strata(celltype), d, rho = 1)$chisq)
say("four_arms", survdiff(y ~ celltype, d)$chisq)
say("four_arms_stratified", survdiff(y ~ celltype + strata(trt), d)$chisq)
say("max_combo_z", plain$z); say("max_combo_p", plain$p); say("max_combo_correlation", plain$corr)
say("stratified_max_combo_z", by_cell$z); say("stratified_max_combo_p", by_cell$p)
rmean <- summary(survfit(y ~ trt, d), rmean = 180)$table
say("restricted_mean", rmean[, "rmean"]); say("restricted_mean_error", rmean[, "se(rmean)"])
at <- summary(survfit(y ~ trt, d, conf.type = "log-log"), times = c(60, 180))
say("milestone", at$surv); say("milestone_error", at$std.err); say("milestone_lower", at$lower); say("milestone_upper", at$upper)
ci <- cuminc(d$time, d$cause, d$trt); points <- timepoints(ci, c(60, 180, 365))
say("incidence", t(points$est)); say("incidence_variance", t(points$var))
h <- summary(coxph(y ~ trt, d))
say("hazard_ratio", h$conf.int[c(1, 3, 4)], last = TRUE)
cat("}\n")
