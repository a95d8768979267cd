"""Makes data sets that rsh reads of what authors publish in layouts of their own."""
