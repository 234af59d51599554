#define HOUSEHOLDER_TABLE householder_avx2
#include "analysis/householder_body.h"
