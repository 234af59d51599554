#define HOUSEHOLDER_TABLE householder_avx512
#include "analysis/householder_body.h"
