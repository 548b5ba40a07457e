/*
 * Linked in by `make sanitize` alone. Before a call that does not return ASan wants to know the
 * stack, and says so where it is none that it has allocated, as in the child that runs on one of
 * nsinit's.
 */
void __asan_handle_no_return(void);

void __asan_handle_no_return(void)
{
}
