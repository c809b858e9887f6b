# Whatever the runtimes have done: what still lives has no runtime that knows it.
end_pod_processes
:
