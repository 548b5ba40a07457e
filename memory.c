/* Resident memory: release the pages that only the start needed. */
#include "memory.h"

#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

void memory_release(void)
{
	const ElfW(Phdr) *segment = (const void *)getauxval(AT_PHDR);
	uintptr_t page = getauxval(AT_PAGESZ), end;
	uintptr_t first = ((uintptr_t)memory_cold + page - 1) / page * page;

	for (unsigned long i = getauxval(AT_PHNUM); i--; segment++) {
		/* Round down to whole pages: data may share the last one. */
		end = (segment->p_vaddr + segment->p_memsz) / page * page;
		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) &&
		    first >= segment->p_vaddr && first < end)
			madvise((void *)first, end - first, MADV_DONTNEED);
	}
}
