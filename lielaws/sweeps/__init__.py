"""Sweeps: the laws of many architectures, in parallel, with resumable results in one SQLite file.

A sweep is described by a TOML file, or by a mapping with the same keys:

    time_limit = 60           # seconds for each case; 600 by default, "none" for no limit
    memory_limit = 2000       # megabytes for the process of a case

    [[sweep]]
    family = ["linear", "relu"]
    widths = [{ from = 1, to = 4 }, [1, 2, 3], 2]
    bias = [false, true]
    flow = ["gradient", "heavy_ball:1/2"]
    filter = ["D <= 60", "widths[1] <= 2*widths[0]"]

Each table [[sweep]] is a grid: whatever has a list or a range {from, to, step} of values is an axis, and each point is
a case. The keys of a table:

family : a family of `lielaws list`, or several. All its keywords are keys: sizes such as `d_model`, options such as
    `bias`. Lists of sizes, such as `widths`, have one entry for each place, or are a table such as
    {layers = [2, 3], each = {from = 1, to = 4}}, with `equal = true` for equal sizes
spec : instead of family and keywords, a spec string, a table, or the path of a spec file, or a list of these
variables : names with their values. A text in place of an integer, such as d_model = "heads*d_head", is an expression
    in them; in other texts, also inside of specs, they stand in braces: "linear:{n}-{2*n}-{n}"
filter : conditions that all must hold: comparisons of sizes, options, variables, D (the number of parameters) and
    dimension (of the state space of the flow)
sample : how many cases are drawn from the grid at random, or {count = 100, seed = 1}
flow, loss, gates, parameters, max_degree, seed : as for `lielaws.discover_laws`
compute : "count", "laws" (the default) or "certificates"

The settings and `filter` may also stand at the top of the file, for all tables. A case that occurs twice is one case,
however it is written. Cases whose sizes do not fit, such as a kernel larger than its input, are rows with an error.

`lielaws.sweep` computes, `lielaws.results` reads, `lielaws.sweeps.plots` draws.
"""
