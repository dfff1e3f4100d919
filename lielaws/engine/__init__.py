"""The engine: from a traced network to ranks of brackets and verified laws. Private; users import `lielaws` alone.

    linalg       exact ranks, nullspaces and lifts modulo primes
    arithmetic   what a graph is evaluated in: residues, jets, enclosures of reals, floats, degrees
    graph        a network as a graph of array operations; differentiation; programs that evaluate it
    values       values of exp, log, sqrt, .. where they are needed
    potential    the potential <w, g(theta, x)>, with gates in place of piecewise linear functions
    flows        what a flow makes of the potentials: vector fields on a state space
    closure      brackets at a point and the growth of their rank: the upper bound
    laws         candidates, proof and writing of laws: the lower bound

Words: a *vector field* is what the flow makes of one potential; a *point* is a place in the state space (parameters,
and for some flows time and velocities); a *gate* is 1 where the argument of a ReLU is positive and 0 elsewhere; *tied
gates* have proportional arguments; a *bracket* [X, Y] = DY.X - DX.Y; the *growth vector* lists the ranks of brackets by
depth; the *trace dimension* is the last of them.
"""
