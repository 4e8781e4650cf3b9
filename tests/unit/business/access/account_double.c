/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "account_double.h"

#include <pthread.h>

struct account {
    int unused;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct account_household_facts households[DOUBLE_HOUSEHOLDS_MAX];
static bool is_forgotten[DOUBLE_HOUSEHOLDS_MAX];
static size_t count;
static struct account_org_facts org;
static void (*listener)(void *user, int64_t org_id, int64_t household_id);
static void *listener_user;
struct account_holder double_holder;

void double_reset(void) {
    count = 0;
    listener = NULL;
    org = (struct account_org_facts){.country = "DE"};
}

static size_t place_of(int64_t household_id) {
    size_t i = 0;
    while (i < count && households[i].household_id != household_id) i++;
    return i;
}

void double_household_put(const struct account_household_facts *facts) {
    pthread_mutex_lock(&lock);
    size_t i = place_of(facts->household_id);
    households[i] = *facts;
    is_forgotten[i] = false;
    if (i == count) count++;
    pthread_mutex_unlock(&lock);
    if (listener) listener(listener_user, facts->org_id, facts->household_id);
}

void double_household_remove(int64_t household_id) {
    pthread_mutex_lock(&lock);
    size_t i = place_of(household_id);
    if (i < count) households[i] = households[--count];
    pthread_mutex_unlock(&lock);
    if (listener) listener(listener_user, 0, household_id);
}

void double_forget(int64_t household_id) { is_forgotten[place_of(household_id)] = true; }
void double_org_put(const struct account_org_facts *facts) { org = *facts; }

bool account_household_facts(struct account *a, int64_t org_id, int64_t household_id, struct account_household_facts *out) {
    pthread_mutex_lock(&lock);
    size_t i = place_of(household_id);
    bool is_there = i < count && households[i].org_id == org_id && !is_forgotten[i];
    if (is_there) *out = households[i];
    pthread_mutex_unlock(&lock);
    return is_there;
}

struct err account_household_load(struct account *a, int64_t org_id, int64_t household_id, struct account_household_facts *out) {
    pthread_mutex_lock(&lock);
    size_t i = place_of(household_id);
    if (i < count) is_forgotten[i] = false;
    pthread_mutex_unlock(&lock);
    return account_household_facts(a, org_id, household_id, out) ? ERR_OK : err_make(ERR_NOT_FOUND, "household.missing", "There is no such household.");
}

bool account_org_facts(struct account *a, int64_t org_id, struct account_org_facts *out) {
    *out = org;
    return true;
}

void account_on_change(struct account *a, void (*fn)(void *user, int64_t org_id, int64_t household_id), void *user) {
    listener = fn;
    listener_user = user;
}

struct err account_add_holder(struct account *a, const struct account_holder *holder) {
    double_holder = *holder;
    return ERR_OK;
}
