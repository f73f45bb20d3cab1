"""Overview of the solver: the files of this folder and their contents.

simulate.py            `simulate`: from a model, a regimen and a time span to a Simulation
simulation.py          `Simulation`: values over time with their units, and how each subject ended
prepared.py            `prepare`: a simulation that can be called repeatedly with arrays of values
prepared_result.py     the result of one call of a prepared simulation
varied_doses.py        amounts and times of doses that vary between these calls
ensemble.py            `simulate_many`, `simulate_to`: virtual trials of any size, in blocks
reductions.py          one number per subject from a time course
simulated_block.py     one block of subjects, and its results; digest.py: a hash of its inputs
options.py             `SolverOptions`      status.py: how an integration ended      report_times.py: output times
sbml_events.py         `simulate` with SBML events
warm.py                a small simulation of each kind, so that all kernels are compiled
reference.py           the reference engine: a step method of SciPy, with the same events; reference_triggers.py: its triggers

problem/               the problem to be solved, in Python, once per structure of a model or per run
  make_simulator.py    `make_simulator`: a model with schedules and times, checked
  plan.py              `SimulationPlan`: subjects with schedules and times; simulator.py: running the plan, in threads
  solution.py          the arrays of results of a run
  compiled_model.py    `CompiledModel`: rates, Jacobian, initial values, outputs ... as native functions
  codegen.py           expressions as native functions, one subject; evaluate.py: at several inputs
  packed_input.py      the layout of the input of native functions
  codegen_simd.py      native functions for eight subjects; simd_math.py: their exponential, logarithm and powers
  codegen_implicit.py  the linear algebra of implicit steps for eight subjects
  constants.py         expressions of parameters alone, computed once per subject
  sensitivities.py     forward sensitivity equations
  event_table.py       EVENT records of one subject; layout.py: the positions of names in a system
  schedule_events.py   a schedule as EVENT records; dose_events.py: of one dose; clock.py: times that count as equal
  subject_events.py    events of each subject; moved_doses.py: of varied doses
  trigger_table.py     triggers as TRIGGER records
  event_functions.py   SBML events as native functions; time_roots.py: times of those that depend on time alone
  time_stops.py        times at which rates switch
  tolerances.py        absolute tolerances by the size of each state
  subject_batch.py     the subjects that one thread solves, and the kernels that solve them
  run.py               the records of a plan for kernels

integrator/            the integration: kernels, which are independent of models and tables
  records.py           the records for kernels: read this first; copying.py: copies of them
  scalar.py            `integrate`: one subject by Tsit5 and Rodas5P; trying, rejecting, accepting and shortening a step
  lanes.py             `integrate_lanes`: eight subjects at a time; lane_state.py: their vectors, and one lane between steps
  segment.py           from one stop to the next: the order of events, outputs and triggers
  events.py            `apply_event`: doses, starts and ends of infusions, parameters, resets; dosing.py: effects of a dose
  steady_state.py      the steady state of repeated doses
  triggers.py          conditions on the state: their effects, and courses of doses that they begin
  discontinuities.py   switches of rates by the state; jumps of sensitivities (saltation)
  domain.py            prevention of negative states; extinction thresholds
  interpolation.py     the interpolant, and root finding
  tsit5.py             the explicit method; rodas5p.py, lu.py: the implicit one; rodas5p_lanes.py: for eight subjects
  controller.py        step-size control
  output.py            from saved states to outputs
  sbml_integrator.py   SBML events; sbml_switches.py: times of their changes; sbml_records.py: their records
  simd4.py, simd8.py   sums of vectors: four numbers of one subject, eight subjects
  native.py            calls of native functions by address
  jit.py               `entry`, `inner`, `rare`: the decorators of compiled functions
  arguments.py         arguments of kernels as words; record_type.py, array_type.py: their types in kernels
  linking.py           from Python to intermediate code; machine_code.py: from that to machine code
  kernel_cache.py      kernels stored on disk; compile_message.py: the message while one is compiled

Order of calls: simulate -> make_simulator -> Simulator.run -> SubjectBatch -> integrate_lanes (or integrate_subjects, one at a
time) -> pass_stop, begin_segment, steps -> write_outputs.
"""
