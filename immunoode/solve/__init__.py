"""The solver, on one page. Every file of this folder is named here with what it holds.

simulate.py            `simulate`: a model, a regimen and a span of time into a Simulation
simulation.py          `Simulation`: values over time with their units, and how each subject ended
prepared.py            `prepare`: a simulation that is called with an array of values, again and again
varied_doses.py        amounts and times of doses that vary between its calls
ensemble.py            `simulate_many`, `simulate_to`: virtual trials of any size, block after block
reductions.py          one number per subject from a time course
simulated_block.py     one block of subjects, and what is kept of it; digest.py: a hash of what a simulation is made of
options.py             `SolverOptions`      status.py: how an integration ended      report_times.py: when a run reports
sbml_events.py         `simulate` with SBML events
warm.py                a small simulation of each kind, so that all kernels are compiled
reference.py           the reference engine: a step method of SciPy, the same events; reference_triggers.py: its triggers

problem/               what is solved, in Python, once per structure of a model or per run
  make_simulator.py    `make_simulator`: a model with schedules and times, checked
  plan.py              `SimulationPlan`: subjects with schedules and times; simulator.py: the plan that is run, in threads
  solution.py          the arrays that a run gives
  compiled_model.py    `CompiledModel`: rates, Jacobian, initial values, outputs ... as native functions
  codegen.py           expressions as native functions, one subject; evaluate.py: at several inputs
  packed_input.py      where time, states and the rest stand in the input of native functions
  codegen_simd.py      native functions of eight subjects; simd_math.py: their exponential, logarithm and powers
  codegen_implicit.py  the linear algebra of implicit steps of eight subjects
  constants.py         what depends on parameters alone, computed once per subject
  sensitivities.py     forward sensitivity equations
  event_table.py       a schedule as EVENT records; subject_events.py: those of each subject; moved_doses.py: of doses that vary
  trigger_table.py     triggers as TRIGGER records
  event_functions.py   SBML events as native functions; time_roots.py: their times where these depend on time alone
  time_stops.py        times at which rates switch
  tolerances.py        absolute tolerances by the size of each state
  subject_batch.py     the subjects that one thread solves, and the kernels that solve them
  run.py               the records of a plan that kernels take

integrator/            how it is solved: kernels, which know no model and no table
  records.py           the records that kernels take: read this first; copying.py: copies of them
  scalar.py            `integrate`: one subject by Tsit5 and Rodas5P; how a step is tried, rejected, accepted, cut at a root
  lanes.py             `integrate_lanes`: eight subjects at a time; lane_state.py: their vectors, one lane between steps
  segment.py           from one stop to the next: the one order of events, outputs and triggers
  events.py            `apply_event`: a dose, an infusion's start and end, a parameter set, a reset; dosing.py: what a dose does
  steady_state.py      the steady state of repeated doses
  triggers.py          conditions on the state: what they change, and courses of doses that they begin
  discontinuities.py   rates that switch by the state; jumps of sensitivities (saltation)
  domain.py            no negative states by long steps; extinction thresholds
  interpolation.py     the interpolant, and the one search for roots
  tsit5.py             the explicit method; rodas5p.py, lu.py: the implicit one; rodas5p_lanes.py: of eight subjects
  controller.py        sizes of steps
  output.py            from saved states to outputs
  sbml_integrator.py   SBML events; sbml_switches.py: when they change; sbml_records.py: what they are
  simd4.py, simd8.py   sums of vectors: of four numbers of one subject, of eight subjects
  native.py            calls of native functions by address
  jit.py               `entry`, `inner`, `rare`: what is compiled, and how
  arguments.py         arguments of kernels as words; record_type.py, array_type.py: as types that kernels see
  linking.py           from Python to intermediate code; machine_code.py: to machine code
  kernel_cache.py      kernels kept on disk; compile_message.py: what is said while one is compiled

Order of calls: simulate -> make_simulator -> Simulator.run -> SubjectBatch -> integrate_lanes (or integrate_subjects, one at a
time) -> pass_stop, begin_segment, steps -> write_outputs.
"""
