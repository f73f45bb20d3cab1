"""Times to events: their derivation from visits, Kaplan-Meier curves, and regressions (by lifelines)."""
